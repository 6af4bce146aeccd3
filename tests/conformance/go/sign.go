package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"sort"
	"strings"
	"time"
)

// signFC: `FC {key}:{base64(HMAC-SHA256)}` with the headers that fc-go-sdk sets.
func signFC(request *http.Request, body []byte, secret string) {
	set(request, "Date", time.Now().UTC().Format(http.TimeFormat))
	set(request, "Accept", "application/json")
	set(request, "User-Agent", "go-sdk-0.1")
	set(request, "X-Fc-Account-Id", "")
	if body != nil {
		sum := md5.Sum(body)
		set(request, "Content-MD5", hex.EncodeToString(sum[:]))
		set(request, "Content-Type", "application/json")
	}
	lines := []string{request.Method, get(request, "Content-MD5"), get(request, "Content-Type"), get(request, "Date")}
	lines = append(lines, prefixed(request, "x-fc-")...)
	lines = append(lines, request.URL.EscapedPath())
	set(request, "Authorization", "FC "+accessKey+":"+mac(sha256.New, secret, lines))
}

// signACS: `acs {key}:{base64(HMAC-SHA1)}` with the headers that tea-roa sets.
func signACS(request *http.Request, body []byte, secret string) {
	nonce := make([]byte, 16)
	_, err := rand.Read(nonce)
	check(err)
	set(request, "date", time.Now().UTC().Format(http.TimeFormat))
	set(request, "accept", "application/json")
	set(request, "x-acs-signature-nonce", hex.EncodeToString(nonce))
	set(request, "x-acs-signature-method", "HMAC-SHA1")
	set(request, "x-acs-signature-version", "1.0")
	set(request, "x-acs-version", "2023-03-30")
	if body != nil {
		set(request, "content-type", "application/json; charset=utf-8")
	}
	lines := []string{request.Method}
	for _, name := range []string{"accept", "content-md5", "content-type", "date"} {
		lines = append(lines, get(request, name))
	}
	lines = append(lines, prefixed(request, "x-acs-")...)
	// There is one query parameter at most, so there is nothing to sort.
	lines = append(lines, request.URL.RequestURI())
	set(request, "authorization", "acs "+accessKey+":"+mac(sha1.New, secret, lines))
}

func set(request *http.Request, name, value string) { request.Header.Set(name, value) }
func get(request *http.Request, name string) string { return request.Header.Get(name) }

// prefixed are the headers whose names begin so, as `name:value`, sorted.
func prefixed(request *http.Request, prefix string) []string {
	var found []string
	for name, values := range request.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, prefix) {
			found = append(found, name+":"+values[0])
		}
	}
	sort.Strings(found)
	return found
}

func mac(of func() hash.Hash, secret string, lines []string) string {
	code := hmac.New(of, []byte(secret))
	code.Write([]byte(strings.Join(lines, "\n")))
	return base64.StdEncoding.EncodeToString(code.Sum(nil))
}
