"""The operations on what the daemon does not have: a list is empty, all others are refused as unknown."""

import unittest

import conformance as c
from fc20230330 import fc

NOT_SERVED = """
change_resource_group create_custom_domain create_layer_version create_session create_snapshot create_trigger
create_vpc_binding delete_custom_domain delete_layer_version delete_provision_config delete_scaling_config
delete_session delete_snapshot delete_trigger delete_vpc_binding describe_regions get_custom_domain
get_layer_version get_layer_version_by_arn get_provision_config get_scaling_config get_session get_snapshot
list_instances list_layer_versions list_sessions list_snapshots list_vpc_bindings pause_session
put_provision_config put_scaling_config resume_session update_custom_domain update_session update_trigger
""".split()

EMPTY = "list_custom_domains list_layers list_provision_configs list_scaling_configs".split()


class Rest(unittest.TestCase):
    def test_lists_of_what_is_not_here_are_empty(self):
        client = fc.client()
        for method in EMPTY:
            with self.subTest(method=method):
                self.assertTrue(c.is_empty_list(c.call_with_nothing(client, method).body.to_map()))

    def test_what_is_not_served_is_refused_as_such(self):
        client = fc.client()
        for method in NOT_SERVED:
            with self.subTest(method=method):
                refused = c.refusal(lambda: c.call_with_nothing(client, method))
                self.assertEqual(refused[:2], (400, "PathNotSupported"))
