"""The scenario of the official client alibabacloud-fc20230330: `python -m fc20230330`."""
