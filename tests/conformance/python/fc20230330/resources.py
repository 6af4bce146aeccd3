"""What hangs on a function: versions, aliases, concurrency, the invocation switch, tags, triggers, code."""

import unittest

import conformance as c
from fc20230330 import fc
from fc20230330.fc import M

NAME = "with-resources"


class Resources(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()
        fc.create(self.client, NAME)

    def tearDown(self):
        fc.delete_if_there(self.client, NAME)

    def publish(self, description):
        body = M.PublishVersionInput(description=description)
        return self.client.publish_function_version(NAME, M.PublishFunctionVersionRequest(body=body)).body

    def versions(self, **filters):
        return self.client.list_function_versions(NAME, M.ListFunctionVersionsRequest(**filters)).body

    def test_versions_are_published_listed_and_deleted(self):
        first, second = self.publish("first"), self.publish("second")
        # No number is given twice, not even to a function that is created again.
        both = [first.version_id, second.version_id]
        self.assertEqual(int(both[1]), int(both[0]) + 1)
        self.assertEqual((first.description, second.description), ("first", "second"))
        self.assertRegex(first.created_time, c.METADATA_TIME)
        self.assertEqual({version.version_id for version in self.versions(limit=10).versions}, set(both))

        def page(token):
            body = self.versions(limit=1, next_token=token)
            return [version.version_id for version in body.versions], body.next_token

        self.assertEqual(sorted(c.pages(page)), sorted(both))
        self.assertEqual(self.client.delete_function_version(NAME, both[0]).status_code, 204)
        self.assertEqual([version.version_id for version in self.versions().versions], both[1:])

    def test_aliases_come_and_go(self):
        first = self.publish("first").version_id
        body = M.CreateAliasInput(alias_name="prod", version_id=first, description="of a test")
        create = lambda: self.client.create_alias(NAME, M.CreateAliasRequest(body=body)).body
        get = lambda: self.client.get_alias(NAME, "prod").body
        for alias in (create(), get()):
            self.assertEqual((alias.alias_name, alias.version_id, alias.description), ("prod", first, "of a test"))
            self.assertRegex(alias.last_modified_time, c.METADATA_TIME)
        self.assertEqual(c.refusal(create)[:2], (409, "AliasAlreadyExists"))

        second = self.publish("second").version_id
        change = M.UpdateAliasInput(version_id=second, additional_version_weight={first: 0.25})
        self.client.update_alias(NAME, "prod", M.UpdateAliasRequest(body=change))
        alias = get()
        self.assertEqual((alias.version_id, alias.additional_version_weight), (second, {first: 0.25}))
        self.assertEqual(alias.description, "of a test")
        listed = self.client.list_aliases(NAME, M.ListAliasesRequest(prefix="pr", limit=10)).body
        self.assertEqual(([alias.alias_name for alias in listed.aliases], listed.next_token), (["prod"], ""))

        response = fc.invoke(self.client, NAME, b"hi", kind="Sync", qualifier="prod")
        self.assertEqual(response.body.read(), b"hi")
        self.assertEqual(self.client.delete_alias(NAME, "prod").status_code, 204)
        self.assertEqual(c.refusal(get)[:2], (404, "AliasNotFound"))

    def test_reserved_concurrency_is_kept_until_it_is_deleted(self):
        body = M.PutConcurrencyInput(reserved_concurrency=7)
        put = self.client.put_concurrency_config(NAME, M.PutConcurrencyConfigRequest(body=body)).body
        get = lambda: self.client.get_concurrency_config(NAME).body
        for config in (put, get()):
            self.assertEqual((config.function_arn, config.reserved_concurrency), (c.arn(f"functions/{NAME}"), 7))
        listed = self.client.list_concurrency_configs(M.ListConcurrencyConfigsRequest(function_name=NAME)).body
        self.assertEqual([config.reserved_concurrency for config in listed.configs], [7])
        self.assertEqual(self.client.delete_concurrency_config(NAME).status_code, 204)
        self.assertEqual(c.refusal(get)[:2], (404, "OnDemandConfigNotFound"))
        listed = self.client.list_concurrency_configs(M.ListConcurrencyConfigsRequest(function_name=NAME)).body
        self.assertEqual(listed.configs, [])

    def test_a_disabled_function_runs_again_when_it_is_enabled(self):
        call = lambda: fc.invoke(self.client, NAME, b"hi", kind="Sync")
        self.client.disable_function_invocation(NAME, M.DisableFunctionInvocationRequest(reason="of a test"))
        self.assertEqual(c.refusal(call)[0], 403)
        self.client.enable_function_invocation(NAME)
        self.assertEqual(call().body.read(), b"hi")

    def test_tags_are_kept_by_resource(self):
        mine = dict(resource_type="function", resource_id=[c.arn(f"functions/{NAME}")])
        tags = [M.Tag(key="team", value="night"), M.Tag(key="cost", value="low")]
        self.client.tag_resources(M.TagResourcesRequest(body=M.TagResourcesInput(**mine, tag=tags)))

        def listed():
            body = self.client.list_tag_resources(M.ListTagResourcesRequest(**mine, limit=10)).body
            return {(tag.tag_key, tag.tag_value) for tag in body.tag_resources}

        self.assertEqual(listed(), {("team", "night"), ("cost", "low")})
        self.client.untag_resources(M.UntagResourcesRequest(**mine, tag_key=["cost"]))
        self.assertEqual(listed(), {("team", "night")})
        self.client.untag_resources(M.UntagResourcesRequest(**mine, all=True))
        self.assertEqual(listed(), set())

    def test_there_are_no_triggers(self):
        listed = self.client.list_triggers(NAME, M.ListTriggersRequest(limit=10)).body
        self.assertEqual((listed.triggers, listed.next_token), ([], ""))
        self.assertEqual(c.refusal(lambda: self.client.get_trigger(NAME, "x"))[:2], (404, "TriggerNotFound"))

    def test_the_code_has_a_place_and_a_checksum(self):
        code = self.client.get_function_code(NAME, M.GetFunctionCodeRequest()).body
        self.assertEqual((type(code.url), type(code.checksum)), (str, str))
