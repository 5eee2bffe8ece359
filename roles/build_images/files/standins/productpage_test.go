// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// shop starts productpage with details, ratings and a version of reviews as upstreams.
func shop(t *testing.T, reviewsVersion string) *httptest.Server {
	t.Helper()
	ratings := start(t, "ratings", nil)
	environment := version(reviewsVersion).at("RATINGS", ratings)
	environment["HOSTNAME"] = "reviews-" + reviewsVersion + "-pod"
	all := settings{}.at("RATINGS", ratings).at("DETAILS", start(t, "details", nil)).at("REVIEWS", start(t, "reviews", environment))
	return start(t, "productpage", all)
}

// wantPage asserts that a response is an HTML page that contains some texts and does not contain others.
func wantPage(t *testing.T, response *http.Response, body string, with, without []string) {
	t.Helper()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	for _, text := range with {
		if !strings.Contains(body, text) {
			t.Errorf("no %q in\n%s", text, body)
		}
	}
	for _, text := range without {
		if strings.Contains(body, text) {
			t.Errorf("%q in\n%s", text, body)
		}
	}
}

func TestProductpageHTML(t *testing.T) {
	for name, want := range map[string]struct {
		stars         int
		with, without []string
	}{
		"v1": {0, nil, []string{"glyphicon", "☆"}},
		"v2": {9, []string{`color: black"`, "text-black-500", "☆"}, []string{"red-500"}},
		"v3": {9, []string{`color: red"`, "text-red-500", "☆"}, []string{"black-500"}},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := call(t, "GET", shop(t, name).URL+"/productpage", "", nil)
			wantPage(t, response, body, append(want.with,
				"<title>Simple Bookstore App</title>", "The Comedy of Errors", standInComment, "A stand-in of meshlab.istio for",
				"Book Details", "1234567890", "PublisherA", "William Shakespeare", "Reviewer1", "Reviewer2",
				"Reviews served by: <code>reviews-"+name+"-pod</code></p>"), append(want.without, "Error fetching", "on cluster"))
			if got := strings.Count(body, `<span class="glyphicon glyphicon-star">★</span>`); got != want.stars {
				t.Errorf("%d stars, want %d", got, want.stars)
			}
		})
	}
}

func TestProductpageHTMLWithFaults(t *testing.T) {
	t.Run("all down", func(t *testing.T) {
		page := start(t, "productpage", nowhere("DETAILS", "REVIEWS", "RATINGS"))
		response, body := call(t, "GET", page.URL+"/productpage", "", nil)
		wantPage(t, response, body, []string{
			"Error fetching product details", "Sorry, product details are currently unavailable for this book.",
			"Error fetching product reviews", "Sorry, product reviews are currently unavailable for this book.",
		}, nil)
	})
	t.Run("ratings down", func(t *testing.T) {
		environment := nowhere("RATINGS")
		environment["ENABLE_RATINGS"] = "true"
		page := start(t, "productpage", nowhere("DETAILS").at("REVIEWS", start(t, "reviews", environment)))
		response, body := call(t, "GET", page.URL+"/productpage", "", nil)
		wantPage(t, response, body, []string{"Ratings service is currently unavailable"}, []string{"glyphicon"})
	})
	t.Run("hostile reviews", func(t *testing.T) {
		reviews, _ := spy(t, 200, `{"reviews":[{"reviewer":"<script>1","text":"<script>2","rating":{"stars":1000000000,"color":"red;x:url(//e)\"><script>3"}}]}`)
		page := start(t, "productpage", nowhere("DETAILS").at("REVIEWS", reviews))
		response, body := call(t, "GET", page.URL+"/productpage", "", nil)
		wantPage(t, response, body, []string{"&lt;script&gt;2"}, []string{"<script>", "color: red"})
		if got := strings.Count(body, "★"); got != 5 {
			t.Errorf("%d stars", got)
		}
	})
	t.Run("reviews in another format", func(t *testing.T) {
		reviews, _ := spy(t, 200, `{"reviews":"none"}`)
		page := start(t, "productpage", nowhere("DETAILS").at("REVIEWS", reviews))
		response, body := call(t, "GET", page.URL+"/productpage", "", nil)
		wantPage(t, response, body, []string{"Error fetching product reviews", "does not have the expected format"}, nil)
	})
}

func TestTemplateErrorRendersNothing(t *testing.T) {
	recorder := httptest.NewRecorder()
	render(recorder, "productpage.html", template.HTML("no such fields"))
	if recorder.Code != 500 || strings.Contains(recorder.Body.String(), "<html") {
		t.Errorf("status %d: %s", recorder.Code, recorder.Body)
	}
}

func TestIndex(t *testing.T) {
	server := start(t, "productpage", nil)
	for _, path := range []string{"/", "/index.html"} {
		response, body := call(t, "GET", server.URL+path, "", nil)
		wantPage(t, response, body, []string{"http://details:9080/details", "http://reviews:9080/reviews", `href="productpage?u=normal"`, standInComment, "A stand-in of meshlab.istio for"}, nil)
	}
	if response, _ := call(t, "GET", server.URL+"/other", "", nil); response.StatusCode != 404 {
		t.Errorf("/other: status %d", response.StatusCode)
	}
}

func TestStaticAndHealth(t *testing.T) {
	server := start(t, "productpage", nil)
	response, body := call(t, "GET", server.URL+"/static/standin.css", "", nil)
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/css") || !strings.Contains(body, ".stars") {
		t.Errorf("status %d, type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	for _, path := range []string{"/static/", "/static/none.css", "/static/../templates/index.html", "/templates/index.html"} {
		if response, _ := call(t, "GET", server.URL+path, "", nil); response.StatusCode == 200 {
			t.Errorf("%s: status 200", path)
		}
	}
	if response, body := call(t, "GET", server.URL+"/health", "", nil); response.StatusCode != 200 || body != "Product page is healthy" {
		t.Errorf("health: %d %q", response.StatusCode, body)
	}
}

func TestAPI(t *testing.T) {
	server := shop(t, "v2")
	for path, want := range map[string]string{
		"/api/v1/products/200": `{"id":200,"author":"William Shakespeare","year":1595,"type":"paperback","pages":200,` +
			`"publisher":"PublisherA","language":"English","ISBN-10":"1234567890","ISBN-13":"123-1234567890"}`,
		"/api/v1/products/3/ratings": `{"id":3,"ratings":{"Reviewer1":5,"Reviewer2":4}}`,
		"/api/v1/products/3/reviews": reviewsJSON("reviews-v2-pod", "null", `,"rating":{"stars":5,"color":"black"}`, `,"rating":{"stars":4,"color":"black"}`),
	} {
		t.Run(path, func(t *testing.T) {
			response, body := call(t, "GET", server.URL+path, "", nil)
			wantJSON(t, response, body, 200, want)
		})
	}
	response, body := call(t, "GET", server.URL+"/api/v1/products", "", nil)
	if response.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(body, `[{"id":0,"title":"The Comedy of Errors","descriptionHtml":"`) {
		t.Errorf("products: %q %s", response.Header.Get("Content-Type"), body)
	}
}

func TestAPIErrors(t *testing.T) {
	sorry := func(name string) string {
		return `{"error":"Sorry, product ` + name + ` are currently unavailable for this book."}`
	}
	paths := map[string]string{"details": "/api/v1/products/x", "reviews": "/api/v1/products/x/reviews", "ratings": "/api/v1/products/x/ratings"}
	for name, path := range paths {
		t.Run(name+" unreachable", func(t *testing.T) {
			page := start(t, "productpage", nowhere("DETAILS", "REVIEWS", "RATINGS"))
			response, body := call(t, "GET", page.URL+path, "", nil)
			wantJSON(t, response, body, 500, sorry(name))
		})
		t.Run(name+"'s status", func(t *testing.T) {
			var asked atomic.Int32
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(http.StatusTeapot)
			}))
			defer other.Close()
			page := start(t, "productpage", settings{}.at(strings.ToUpper(name), other))
			response, body := call(t, "GET", page.URL+path, "", nil)
			wantJSON(t, response, body, 418, sorry(name))
			want := int32(1)
			if name == "reviews" {
				want = 2
			}
			if got := asked.Load(); got != want {
				t.Errorf("asked %d times, want %d", got, want)
			}
		})
	}
}

func TestReviewsSecondAttemptCanSucceed(t *testing.T) {
	var asked atomic.Int32
	reviews := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		writeJSON(w, 200, productReviews{})
	}))
	defer reviews.Close()
	page := start(t, "productpage", settings{}.at("REVIEWS", reviews))
	response, body := call(t, "GET", page.URL+"/api/v1/products/0/reviews", "", nil)
	wantJSON(t, response, body, 200, `{"id":"","podname":"","clustername":"","reviews":null}`)
	_, body = call(t, "GET", page.URL+"/metrics", "", nil)
	if want := "request_result_total{destination_app=\"reviews\",response_code=\"200\"} 1\n"; !strings.HasSuffix(body, want) || strings.Contains(body, "503") {
		t.Errorf("metrics:\n%s", body)
	}
}

// signIn posts the form and returns the response and its session cookie.
func signIn(t *testing.T, address, form string) (*http.Response, *http.Cookie) {
	t.Helper()
	response, _ := call(t, "POST", address+"/login", form, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	for _, cookie := range response.Cookies() {
		if cookie.Name == "session" {
			return response, cookie
		}
	}
	return response, nil
}

func TestLoginAndLogout(t *testing.T) {
	server := shop(t, "v1")
	response, cookie := signIn(t, server.URL, "username=jason&passwd=any")
	if response.StatusCode != 302 || response.Header.Get("Location") != "/productpage" {
		t.Fatalf("login: %d to %q", response.StatusCode, response.Header.Get("Location"))
	}
	if cookie == nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.MaxAge != 0 {
		t.Fatalf("login: cookie %v", cookie)
	}
	signedIn := func() http.Header { return http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}} }
	response, body := call(t, "GET", server.URL+"/productpage", "", signedIn())
	wantPage(t, response, body, []string{"jason", "Sign out"}, []string{"<form"})
	response, body = call(t, "GET", server.URL+"/productpage", "", nil)
	wantPage(t, response, body, []string{`<form method="post" action="login">`, `name="username"`, `name="passwd"`}, []string{"jason", "Sign out"})

	response, _ = call(t, "GET", server.URL+"/logout", "", signedIn())
	if response.StatusCode != 302 || response.Header.Get("Location") != "/productpage" {
		t.Errorf("logout: %d to %q", response.StatusCode, response.Header.Get("Location"))
	}
	if cookies := response.Cookies(); len(cookies) != 1 || cookies[0].Name != "session" || cookies[0].MaxAge != -1 {
		t.Errorf("logout: cookies %v", cookies)
	}
	if response, _ := call(t, "GET", server.URL+"/login", "", nil); response.StatusCode != 405 {
		t.Errorf("GET /login: status %d", response.StatusCode)
	}
}

func TestSessionSetsEndUser(t *testing.T) {
	reviews, seen := spy(t, 200, `{}`)
	page := start(t, "productpage", settings{}.at("REVIEWS", reviews))
	_, cookie := signIn(t, page.URL, "username=jason&passwd=")
	header := http.Header{"Cookie": {"session=" + cookie.Value}, "End-User": {"mallory"}}
	call(t, "GET", page.URL+"/api/v1/products/0/reviews", "", header)
	if got := seen.Get("end-user"); got != "jason" {
		t.Errorf("end-user %q", got)
	}
	for _, broken := range []string{"jason", "!", "anNvbgpY"} { // not base64, not base64, "json\nX"
		call(t, "GET", page.URL+"/api/v1/products/0/reviews", "", http.Header{"Cookie": {"session=" + broken}})
		if got, found := (*seen)["End-User"]; found {
			t.Errorf("session %q: end-user %q", broken, got)
		}
	}
}

func TestLoginErrors(t *testing.T) {
	server := start(t, "productpage", nil)
	for form, status := range map[string]int{
		"username=" + strings.Repeat("x", 64): 302,
		"username=" + strings.Repeat("x", 65): 400,
		"username=a%0d%0ab":                   400,
		"username=a%ffb":                      400,
	} {
		if response, cookie := signIn(t, server.URL, form); response.StatusCode != status || (cookie != nil) != (status == 302) {
			t.Errorf("%s: status %d, cookie %v", form, response.StatusCode, cookie)
		}
	}
	if response, cookie := signIn(t, server.URL, "username=+"); response.StatusCode != 302 || cookie == nil || cookie.MaxAge != -1 {
		t.Errorf("no name: status %d, cookie %v", response.StatusCode, cookie)
	}
}
