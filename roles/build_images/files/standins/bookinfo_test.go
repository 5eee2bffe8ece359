// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	for name, want := range map[string]string{"details": "Details", "ratings": "Ratings", "reviews": "Reviews"} {
		response, body := call(t, "GET", start(t, name, nil).URL+"/health", "", nil)
		wantJSON(t, response, body, 200, `{"status":"`+want+` is healthy"}`)
	}
}

func TestDetails(t *testing.T) {
	server := start(t, "details", nil)
	response, body := call(t, "GET", server.URL+"/details/200", "", nil)
	wantJSON(t, response, body, 200, `{"id":200,"author":"William Shakespeare","year":1595,"type":"paperback","pages":200,`+
		`"publisher":"PublisherA","language":"English","ISBN-10":"1234567890","ISBN-13":"123-1234567890"}`)
	for _, path := range []string{"/details", "/details/first"} {
		response, body := call(t, "GET", server.URL+path, "", nil)
		wantJSON(t, response, body, 400, `{"error":"please provide numeric product id"}`)
	}
}

func TestRatings(t *testing.T) {
	address := start(t, "ratings", nil).URL
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/ratings/7", "", 200, `{"id":7,"ratings":{"Reviewer1":5,"Reviewer2":4}}`},
		{"POST", "/ratings/7", `{"Reviewer1": 1}`, 200, `{"id":7,"ratings":{"Reviewer1":1}}`},
		{"GET", "/ratings/7", "", 200, `{"id":7,"ratings":{"Reviewer1":1}}`},
		{"GET", "/ratings/8", "", 200, `{"id":8,"ratings":{"Reviewer1":5,"Reviewer2":4}}`},
		{"GET", "/ratings/x", "", 400, `{"error":"please provide numeric product ID"}`},
		{"POST", "/ratings/x", `{}`, 400, `{"error":"please provide numeric product ID"}`},
		{"POST", "/ratings/7", `{`, 400, `{"error":"please provide valid ratings JSON"}`},
		{"POST", "/ratings/7", "", 400, `{"error":"please provide valid ratings JSON"}`},
		{"POST", "/ratings/7", strings.Repeat(" ", maxRatingsBody) + "1", 413, `{"error":"ratings must not exceed 16384 bytes"}`},
		{"GET", "/ratings/7", "", 200, `{"id":7,"ratings":{"Reviewer1":1}}`},
	} {
		t.Run(step.method+step.path, func(t *testing.T) {
			response, body := call(t, step.method, address+step.path, step.body, nil)
			wantJSON(t, response, body, step.status, step.want)
		})
	}
	if response, _ := call(t, "PUT", address+"/ratings/7", `{}`, nil); response.StatusCode != 405 {
		t.Errorf("PUT: status %d", response.StatusCode)
	}
}

func TestRatingsStoreIsLimited(t *testing.T) {
	address := start(t, "ratings", nil).URL
	for id := range maxRatingsProducts {
		if response, body := call(t, "POST", fmt.Sprintf("%s/ratings/%d", address, id), "{}", nil); response.StatusCode != 200 {
			t.Fatalf("product %d: %s", id, body)
		}
	}
	response, body := call(t, "POST", fmt.Sprintf("%s/ratings/%d", address, maxRatingsProducts), "{}", nil)
	wantJSON(t, response, body, 507, `{"error":"the store is full: it has ratings of 1000 products"}`)
	response, body = call(t, "POST", address+"/ratings/0", `{"Reviewer1":2}`, nil)
	wantJSON(t, response, body, 200, `{"id":0,"ratings":{"Reviewer1":2}}`)
}

// versions has the environments of the three reviews images.
var versions = map[string]settings{
	"v1": {"SERVICE_VERSION": "v1", "ENABLE_RATINGS": "false", "STAR_COLOR": "black"},
	"v2": {"SERVICE_VERSION": "v2", "ENABLE_RATINGS": "true", "STAR_COLOR": "black"},
	"v3": {"SERVICE_VERSION": "v3", "ENABLE_RATINGS": "true", "STAR_COLOR": "red"},
}

// version returns a copy of the environment of a reviews image.
func version(name string) settings {
	environment := settings{}
	for key, value := range versions[name] {
		environment[key] = value
	}
	return environment
}

// reviewsJSON returns the response of reviews with these two ratings, each of which is empty or `,"rating":…`.
func reviewsJSON(podname, clustername, first, second string) string {
	return `{"id":"3","podname":"` + podname + `","clustername":"` + clustername + `","reviews":[` +
		`{"reviewer":"Reviewer1","text":"Two pairs of twins, one town, and not a dull scene: I laughed from the first mix-up to the last."` + first + `},` +
		`{"reviewer":"Reviewer2","text":"Quick, light and very funny. Do not look for the depth of the later plays here."` + second + `}]}`
}

func TestReviewsVersions(t *testing.T) {
	ratings := start(t, "ratings", nil)
	for name, color := range map[string]string{"v1": "", "v2": "black", "v3": "red"} {
		t.Run(name, func(t *testing.T) {
			environment := version(name).at("RATINGS", ratings)
			environment["HOSTNAME"], environment["CLUSTER_NAME"] = "reviews-"+name+"-pod", "kind"
			first, second := "", ""
			if color != "" {
				first, second = `,"rating":{"stars":5,"color":"`+color+`"}`, `,"rating":{"stars":4,"color":"`+color+`"}`
			}
			response, body := call(t, "GET", start(t, "reviews", environment).URL+"/reviews/3", "", nil)
			wantJSON(t, response, body, 200, reviewsJSON("reviews-"+name+"-pod", "kind", first, second))
			if got := response.Header.Get(standInHeader); got != "reviews "+name {
				t.Errorf("header %q", got)
			}
		})
	}
}

func TestReviewsV1DoesNotCallRatings(t *testing.T) {
	response, body := call(t, "GET", start(t, "reviews", nowhere("RATINGS")).URL+"/reviews/3", "", nil)
	wantJSON(t, response, body, 200, reviewsJSON("null", "null", "", ""))
}

func TestReviewsWithoutRatings(t *testing.T) {
	const unavailable = `,"rating":{"error":"Ratings service is currently unavailable"}`
	t.Run("unreachable", func(t *testing.T) {
		environment := nowhere("RATINGS")
		environment["ENABLE_RATINGS"] = "TRUE"
		response, body := call(t, "GET", start(t, "reviews", environment).URL+"/reviews/3", "", nil)
		wantJSON(t, response, body, 200, reviewsJSON("null", "null", unavailable, unavailable))
	})
	for _, test := range []struct {
		name, answer  string
		status        int
		first, second string
	}{
		{"503", "fault filter abort", 503, unavailable, unavailable},
		{"not JSON", "<html>", 200, unavailable, unavailable},
		{"not an object", "[]", 200, unavailable, unavailable},
		{"no ratings", "{}", 200, unavailable, unavailable},
		{"one of two", `{"ratings":{"Reviewer2":2}}`, 200, unavailable, `,"rating":{"stars":2,"color":"red"}`},
		{"zero stars", `{"ratings":{"Reviewer1":0,"Reviewer2":null}}`, 200, `,"rating":{"stars":0,"color":"red"}`, unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			ratings, _ := spy(t, test.status, test.answer)
			response, body := call(t, "GET", start(t, "reviews", version("v3").at("RATINGS", ratings)).URL+"/reviews/3", "", nil)
			wantJSON(t, response, body, 200, reviewsJSON("null", "null", test.first, test.second))
		})
	}
}

func TestReviewsRequiresANumericID(t *testing.T) {
	server := start(t, "reviews", nil)
	for _, id := range []string{"first", "4294967296"} {
		if response, _ := call(t, "GET", server.URL+"/reviews/"+id, "", nil); response.StatusCode != 404 {
			t.Errorf("%s: status %d", id, response.StatusCode)
		}
	}
}
