"""Task mode: ids, records, lists, stop."""

import unittest

import conformance as c
from fc20230330 import fc
from fc20230330.fc import M


class Tasks(unittest.TestCase):
    def setUp(self):
        self.client = fc.client()

    def submit(self, task, payload=b"{}"):
        response = fc.invoke(self.client, "tasks", payload, task=task)
        self.assertEqual(response.status_code, 202)
        return response

    def get(self, task):
        return self.client.get_async_task("tasks", task, M.GetAsyncTaskRequest()).body

    def list(self, **filters):
        return self.client.list_async_tasks("tasks", M.ListAsyncTasksRequest(**filters)).body

    def stop(self, task):
        return self.client.stop_async_task("tasks", task, M.StopAsyncTaskRequest())

    def ended(self, task):
        return c.until(f"{task} ends", lambda: (record := self.get(task)).status in c.TERMINAL and record)

    def test_the_record_is_there_at_once_and_tells_the_whole_story(self):
        response = self.submit("story", b'{"say":"hi"}')
        self.assertEqual(response.headers["x-fc-async-task-id"], "story")
        record = self.get("story")
        self.assertEqual((record.task_id, record.request_id), ("story", response.headers["x-fc-request-id"]))

        record = self.ended("story")
        self.assertEqual((record.status, record.already_retried_times), ("Succeeded", 0))
        self.assertEqual((record.task_payload, record.return_payload), ('{"say":"hi"}', '{"say":"hi"}'))
        self.assertEqual(record.function_arn, c.arn("functions/tasks"))
        self.assertLessEqual(record.started_time, record.end_time)
        self.assertEqual([event.event_id for event in record.events], list(range(1, len(record.events) + 1)))
        statuses = [event.status for event in record.events]
        self.assertEqual((statuses[0], statuses[-1]), ("Enqueued", "Succeeded"))
        self.assertIn("Running", statuses)

    def test_a_running_task_has_no_end_time(self):
        self.submit("running", b'{"plan":["slow:2000"]}')
        record = c.until("it runs", lambda: (record := self.get("running")).status == "Running" and record)
        self.assertEqual(record.end_time, 0)
        self.assertEqual(self.ended("running").status, "Succeeded")

    def test_retries_are_counted(self):
        self.submit("flaky", b'{"plan":["fail","fail","ok"]}')
        record = self.ended("flaky")
        self.assertEqual((record.status, record.already_retried_times), ("Succeeded", 2))
        self.assertIn("Retrying", [event.status for event in record.events])

    def test_a_failed_task_keeps_its_error(self):
        self.submit("hopeless", b'{"plan":["fail"]}')
        record = self.ended("hopeless")
        self.assertEqual((record.status, record.already_retried_times), ("Failed", 3))
        self.assertIn("as planned", record.task_error_message)

    def test_an_id_used_twice_is_a_conflict(self):
        self.submit("once")
        status, code, message = c.refusal(lambda: self.submit("once"))
        self.assertEqual((status, code), (409, "StatefulAsyncInvocationAlreadyExists"))
        self.assertIn("once", message)

    def test_a_task_without_an_id_is_given_one(self):
        response = self.submit(None)
        task = response.headers["x-fc-async-task-id"]
        self.assertEqual(self.get(task).request_id, response.headers["x-fc-request-id"])

    def test_a_prefix_lists_its_tasks_page_by_page(self):
        wanted = [f"page-{number}" for number in range(5)]
        for task in wanted:
            self.submit(task)
            self.ended(task)

        def page(token):
            body = self.list(prefix="page-", limit=2, next_token=token)
            return [record.task_id for record in body.tasks], body.next_token

        c.until("the list has caught up", lambda: sorted(c.pages(page)) == wanted)
        succeeded = self.list(prefix="page-", status="Succeeded", include_payload=True)
        self.assertEqual({record.task_payload for record in succeeded.tasks}, {"{}"})
        self.assertEqual(self.list(prefix="page-", status="Failed").tasks, [])

    def test_the_list_keeps_to_window_order_and_qualifier(self):
        for task in ("window-1", "window-2"):
            self.submit(task)
            self.ended(task)
        ids = lambda **filters: [record.task_id for record in self.list(prefix="window-", **filters).tasks]
        c.until("the list has caught up", lambda: len(ids()) == 2)
        first, second = self.get("window-1").started_time, self.get("window-2").started_time
        self.assertEqual(ids(sort_order_by_time="asc"), ["window-1", "window-2"])
        self.assertEqual(ids(sort_order_by_time="desc"), ["window-2", "window-1"])
        self.assertIn("window-1", ids(started_time_begin=first, started_time_end=second))
        self.assertEqual(ids(started_time_begin=second + 60_000), [])
        self.assertEqual(sorted(ids(qualifier="LATEST")), ["window-1", "window-2"])
        self.assertEqual(ids(qualifier="other"), [])
        self.assertEqual({record.task_payload for record in self.list(prefix="window-").tasks}, {None})

    def test_a_running_task_is_stopped(self):
        self.submit("endless", b'{"plan":["slow:30000"]}')
        c.until("it runs", lambda: self.get("endless").status == "Running")
        self.assertIn(self.stop("endless").status_code, (200, 204))
        record = self.ended("endless")
        self.assertEqual(record.status, "Stopped")

    def test_a_waiting_task_is_stopped_at_once(self):
        fc.invoke(self.client, "tasks", b"{}", task="waiting", x_fc_async_delay="3600")
        self.stop("waiting")
        self.assertEqual(self.ended("waiting").status, "Stopped")

    def test_stopping_a_finished_task_is_refused(self):
        self.submit("finished")
        self.ended("finished")
        status, code, message = c.refusal(lambda: self.stop("finished"))
        self.assertEqual((status, code), (400, "InvalidArgument"))
        self.assertIn("finished", message)

    def test_an_unknown_task_is_refused(self):
        for call in (self.get, self.stop):
            status, code, message = c.refusal(lambda: call("nobody"))
            self.assertEqual((status, code), (404, "StatefulAsyncInvocationNotFound"))
            self.assertIn("nobody", message)
