// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// tracing returns headers that a proxy and a browser may set, all of which must be propagated.
func tracing() http.Header {
	header := http.Header{}
	for name, value := range map[string]string{
		"x-request-id": "r1", "x-b3-traceid": "t1", "x-b3-spanid": "s1", "x-b3-parentspanid": "p1", "x-b3-sampled": "1",
		"x-b3-flags": "0", "x-ot-span-context": "o1", "b3": "t1-s1-1", "traceparent": "00-t1-s1-01", "tracestate": "a=b",
		"x-cloud-trace-context": "c1", "grpc-trace-bin": "g1", "sw8": "w1", "user-agent": "tester", "cookie": "a=b",
		"authorization": "Bearer x", "jwt": "j1",
		"x-datadog-trace-id": "1", "x-datadog-parent-id": "2", "x-datadog-sampling-priority": "1", "x-datadog-tags": "q",
	} {
		header.Set(name, value)
	}
	return header
}

// spy starts an upstream that records the headers of the last request and responds with body.
func spy(t *testing.T, status int, body string) (*httptest.Server, *http.Header) {
	t.Helper()
	seen := &http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = r.Header.Clone()
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server, seen
}

// wantHeaders asserts that got contains all headers of want.
func wantHeaders(t *testing.T, got, want http.Header) {
	t.Helper()
	for name, values := range want {
		if !reflect.DeepEqual(got[name], values) {
			t.Errorf("%s: %q, want %q", name, got[name], values)
		}
	}
}

func TestForwardHeadersPropagatesNothingElse(t *testing.T) {
	in := tracing()
	in.Set("accept", "text/html")
	in.Set("end-user", "jason")
	in.Add("tracestate", "c=d")
	want := tracing()
	want.Add("tracestate", "c=d")
	if got := (forwarder{}).headers(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	want.Set("end-user", "jason")
	if got := (forwarder{}).headers(in, "End-User"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestForwardWithoutDropsTheseHeaders(t *testing.T) {
	ratings, seen := spy(t, 200, `{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}`)
	without := settings{"ENABLE_RATINGS": "true", "FORWARD_WITHOUT": "traceparent, X-B3-TraceId,x-datadog-tags,"}.at("RATINGS", ratings)
	call(t, "GET", start(t, "reviews", without).URL+"/reviews/0", "", tracing())
	want := tracing()
	for _, name := range []string{"traceparent", "x-b3-traceid", "x-datadog-tags"} {
		want.Del(name)
		if got := seen.Get(name); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	wantHeaders(t, *seen, want)
}

func TestForwardWithoutRejectsOtherHeaders(t *testing.T) {
	for _, name := range []string{"reviews", "productpage"} {
		_, _, _, err := configure([]string{name}, settings{"FORWARD_WITHOUT": "traceparent,trace-parent"}.get)
		if err == nil || !strings.Contains(err.Error(), `"Trace-Parent", which is not a propagated header`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestForwardedNamesAreCanonical(t *testing.T) {
	for _, name := range append([]string{forwardedPrefix}, forwarded...) {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("%s is not canonical", name)
		}
	}
}

func TestReviewsForwards(t *testing.T) {
	ratings, seen := spy(t, 200, `{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}`)
	reviews := start(t, "reviews", settings{"ENABLE_RATINGS": "true"}.at("RATINGS", ratings))
	header := tracing()
	header.Set("end-user", "jason")
	call(t, "GET", reviews.URL+"/reviews/0", "", header.Clone())
	wantHeaders(t, *seen, header)
}

func TestProductpageForwards(t *testing.T) {
	for path, variable := range map[string]string{
		"/api/v1/products/0": "DETAILS", "/api/v1/products/0/reviews": "REVIEWS", "/api/v1/products/0/ratings": "RATINGS",
	} {
		t.Run(variable, func(t *testing.T) {
			other, seen := spy(t, 200, `{}`)
			page := start(t, "productpage", settings{}.at(variable, other))
			header := tracing()
			// Only a session sets end-user; a client cannot set it.
			header.Set("end-user", "mallory")
			call(t, "GET", page.URL+path, "", header)
			wantHeaders(t, *seen, tracing())
			if got := seen.Get("end-user"); got != "" {
				t.Errorf("end-user %q", got)
			}
		})
	}
}

func TestUpstreamAddress(t *testing.T) {
	for _, test := range []struct {
		environment settings
		want        string
	}{
		{nil, "http://ratings:9080/ratings"},
		{settings{"RATINGS_HOSTNAME": "stars", "RATINGS_SERVICE_PORT": "80"}, "http://stars:80/ratings"},
		{settings{"SERVICES_DOMAIN": "shop.svc"}, "http://ratings.shop.svc:9080/ratings"},
	} {
		if got := newUpstream(test.environment.get, "ratings", time.Second).Base(); got != test.want {
			t.Errorf("%v: %s, want %s", test.environment, got, test.want)
		}
	}
}

func TestUpstreamGet(t *testing.T) {
	get := func(t *testing.T, server *httptest.Server, timeout time.Duration) (int, error) {
		status, _, err := newUpstream(settings{}.at("RATINGS", server).get, "ratings", timeout).get(context.Background(), "0", http.Header{})
		return status, err
	}
	t.Run("not JSON", func(t *testing.T) {
		server, _ := spy(t, 200, "<html>")
		if status, err := get(t, server, time.Second); err == nil || status != 0 {
			t.Errorf("status %d, error %v", status, err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		server, _ := spy(t, 200, `"`+strings.Repeat("x", maxAnswer)+`"`)
		if _, err := get(t, server, 10*time.Second); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("another status", func(t *testing.T) {
		server, _ := spy(t, 503, "fault filter abort")
		if status, err := get(t, server, time.Second); err != nil || status != 503 {
			t.Errorf("status %d, error %v", status, err)
		}
	})
	t.Run("too slow", func(t *testing.T) {
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer server.Close()
		defer close(release)
		if _, err := get(t, server, 50*time.Millisecond); err == nil {
			t.Error("no error")
		}
	})
	t.Run("caller disconnected", func(t *testing.T) {
		server, _ := spy(t, 200, `{}`)
		disconnected, cancel := context.WithCancel(context.Background())
		cancel()
		status, _, err := newUpstream(settings{}.at("RATINGS", server).get, "ratings", time.Second).get(disconnected, "0", http.Header{})
		if status != 200 || err != nil {
			t.Errorf("status %d, error %v", status, err)
		}
	})
}

// delayed starts an upstream that waits before it responds with body.
func delayed(t *testing.T, delay time.Duration, body string) *httptest.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("waits for seconds")
	}
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(delay)
		// The client may have disconnected.
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestReviewsTimeoutDependsOnTheColor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"v2": `"stars":5`, "v3": `"error":"Ratings service is currently unavailable"`} {
		t.Run(name, func(t *testing.T) {
			ratings := delayed(t, 2700*time.Millisecond, `{"ratings":{"Reviewer1":5,"Reviewer2":4}}`)
			reviews := start(t, "reviews", version(name).at("RATINGS", ratings))
			if _, body := call(t, "GET", reviews.URL+"/reviews/0", "", nil); !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		})
	}
}

func TestProductpageTimesOutAfterTwoAttemptsOfThreeSeconds(t *testing.T) {
	reviews := delayed(t, 3300*time.Millisecond, `{}`)
	page := start(t, "productpage", settings{}.at("REVIEWS", reviews))
	begin := time.Now()
	response, body := call(t, "GET", page.URL+"/api/v1/products/0/reviews", "", nil)
	wantJSON(t, response, body, 500, `{"error":"Sorry, product reviews are currently unavailable for this book."}`)
	if took := time.Since(begin); took < 6*time.Second || took > 8*time.Second {
		t.Errorf("took %s", took)
	}
}
