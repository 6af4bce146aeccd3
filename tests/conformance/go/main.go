// Terraform's order of calls over TLS, from Go: what its provider does with the two clients it is built on.
//
// The requests have the shape of those clients (fc-go-sdk: API 2016-08-15, scheme FC, explicit nulls, Content-MD5 in
// hex, an empty X-Fc-Account-Id; tea-roa: API 2023-03-30, scheme acs). It needs the standard library alone: the
// modules themselves are not served everywhere that this test must run. tea-roa itself runs in ../python/terraform.py.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"reflect"
	"strings"
)

const (
	accessKey = "testid"
	secret    = "testsecret"
	account   = "acs:fc:cn-hangzhou:1234567890:"
)

type object = map[string]any

// client sends requests in one shape, and notes which operations it covered.
type client struct {
	name, version string
	http          *http.Client
	sign          func(request *http.Request, body []byte, secret string)
	secret        string
	covered       map[string]bool
}

// answer is what a client hands its user: `code` is empty where the call succeeded.
type answer struct {
	status int
	code   string
	body   object
}

func main() {
	log.SetFlags(0)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: authority(os.Getenv("FC_CA"))}
	shared := &http.Client{Transport: transport}

	services := &client{"go-as-fc-go-sdk", "2016-08-15", shared, signFC, secret, map[string]bool{}}
	functionOfAService(services)
	wrong := *services
	wrong.secret = "guessed"
	expect("a wrong secret", wrong.send("GetService", "GET", "/services/svc", nil).code, "SignatureNotMatch")

	functions := &client{"go-as-tea-roa", "2023-03-30", shared, signACS, secret, map[string]bool{}}
	asyncInvokeConfig(functions)
	wrong = *functions
	wrong.secret = "guessed"
	expect("a wrong secret", wrong.send("GetFunction", "GET", "/functions/hello", nil).code, "SignatureNotMatch")

	for _, client := range []*client{services, functions} {
		for operation := range client.covered {
			fmt.Println("COVERED", client.name, client.version, operation, "ok")
		}
	}
}

// functionOfAService: `alicloud_fc_service`, `alicloud_fc_function` and `alicloud_fc_function_async_invoke_config`.
func functionOfAService(c *client) {
	unset := object{"internetAccess": nil, "role": nil, "logConfig": nil, "vpcConfig": nil}
	c.must("CreateService", "POST", "/services", with(unset, "serviceName", "terraform"))
	c.must("CreateFunction", "POST", "/services/terraform/functions", object{
		"functionName": "made", "runtime": "custom", "handler": "index.handler", "memorySize": nil, "timeout": 30,
		"environmentVariables": object{"INVOKED_TARGET_URL": os.Getenv("FUNCTION_URL")},
	})
	function := "/services/terraform/functions/made"
	expect("timeout", c.must("GetFunction", "GET", function, nil)["timeout"], float64(30))

	// The client writes every field, null where the resource has none.
	path := "/services/terraform.LATEST/functions/made/async-invoke-config"
	fields := object{
		"destinationConfig": nil, "maxAsyncEventAgeInSeconds": nil, "maxAsyncRetryAttempts": 2, "statefulInvocation": nil,
	}
	planned := object{"maxAsyncRetryAttempts": 2}
	plan := func() {
		c.must("PutFunctionAsyncInvokeConfig", "PUT", path, fields)
		seen := c.must("GetFunctionAsyncInvokeConfig", "GET", path, nil)
		expect("qualifier", seen["qualifier"], "LATEST")
		same(planned, seen)
	}
	plan()
	destination := object{"onFailure": object{"destination": account + "services/svc.LATEST/functions/audit"}}
	steps := []struct {
		field string
		value any
	}{{"maxAsyncEventAgeInSeconds", 3600}, {"statefulInvocation", true}, {"destinationConfig", destination}}
	for _, step := range steps {
		fields[step.field], planned[step.field] = step.value, step.value
		plan()
	}

	list := c.must("ListFunctionAsyncInvokeConfigs", "GET", function+"/async-invoke-configs", nil)
	expect("configs", len(list["configs"].([]any)), 1)
	c.gone("DeleteFunctionAsyncInvokeConfig", path)
	missing := c.send("GetFunctionAsyncInvokeConfig", "GET", path, nil)
	expect("after the delete", []any{missing.status, missing.code}, []any{404, "AsyncConfigNotExists"})

	c.gone("DeleteFunction", function)
	expect("the function", c.send("GetFunction", "GET", function, nil).code, "FunctionNotFound")
	c.gone("DeleteService", "/services/terraform")
	expect("the service", c.send("GetService", "GET", "/services/terraform", nil).code, "ServiceNotFound")
}

// asyncInvokeConfig: `alicloud_fcv3_async_invoke_config`: PUT with a qualifier, GET without one, an import by name.
func asyncInvokeConfig(c *client) {
	path := "/functions/hello/async-invoke-config"
	read := func() answer { return c.send("GetAsyncInvokeConfig", "GET", path, nil) }
	expect("before", read().code, "AsyncConfigNotExists")

	planned := object{}
	audit := object{"destination": account + "functions/audit"}
	steps := []object{
		{"maxAsyncRetryAttempts": 2},
		{"maxAsyncEventAgeInSeconds": 3600},
		{"asyncTask": true},
		{"destinationConfig": object{"onSuccess": audit, "onFailure": audit}},
		{"maxAsyncRetryAttempts": 0},
	}
	for _, step := range steps {
		for field, value := range step {
			planned[field] = value
		}
		c.must("PutAsyncInvokeConfig", "PUT", path+"?qualifier=LATEST", with(step, "functionName", "hello"))
		same(planned, read().body)
	}
	expect("the imported ARN", read().body["functionArn"], account+"functions/hello")
	c.gone("DeleteAsyncInvokeConfig", path+"?qualifier=LATEST")
	missing := read()
	expect("after the delete", []any{missing.status, missing.code}, []any{404, "AsyncConfigNotExists"})
}

func (c *client) send(operation, method, path string, body object) answer {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, os.Getenv("FC_ENDPOINT")+"/"+c.version+path, bytes.NewReader(text))
	check(err)
	c.sign(request, text, c.secret)
	response, err := c.http.Do(request)
	check(err)
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	check(err)
	seen := answer{status: response.StatusCode}
	// As tea-roa: everything but a 204 is JSON.
	if response.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(text, &seen.body); err != nil {
			log.Fatalf("%s: %v in %q", operation, err, text)
		}
	}
	if response.StatusCode >= 400 {
		seen.code, _ = seen.body["ErrorCode"].(string)
		expect("both names of the code", seen.body["Code"], seen.body["ErrorCode"])
	} else {
		c.covered[operation] = true
	}
	return seen
}

func (c *client) must(operation, method, path string, body object) object {
	seen := c.send(operation, method, path, body)
	if seen.code != "" {
		log.Fatalf("%s: %d %v", operation, seen.status, seen.body)
	}
	return seen.body
}

func (c *client) gone(operation, path string) {
	seen := c.send(operation, "DELETE", path, nil)
	expect(operation, []any{seen.status, seen.code}, []any{204, ""})
}

// same: every planned field is read back as it was written, through JSON.
func same(planned, seen object) {
	text, err := json.Marshal(planned)
	check(err)
	var expected object
	check(json.Unmarshal(text, &expected))
	for field, value := range expected {
		expect(field, seen[field], value)
	}
}

func with(fields object, field string, value any) object {
	all := object{field: value}
	for field, value := range fields {
		all[field] = value
	}
	return all
}

func expect(what string, seen, expected any) {
	if !reflect.DeepEqual(seen, expected) {
		log.Fatalf("%s: %v, expected %v", what, seen, expected)
	}
}

func authority(file string) *x509.CertPool {
	text, err := os.ReadFile(file)
	check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		log.Fatal(file, " has no certificate")
	}
	return pool
}

func check(err error) {
	if err != nil {
		log.Fatal(strings.TrimSpace(err.Error()))
	}
}
