// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed static templates
var assets embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"glyphs": glyphs,
	// A function, because html/template removes the comments of a template.
	"comment": func() template.HTML { return standInComment },
}).ParseFS(assets, "templates/*.html"))

// product is an item of the catalog.
type product struct {
	ID              int           `json:"id"`
	Title           string        `json:"title"`
	DescriptionHTML template.HTML `json:"descriptionHtml"`
}

// catalog has one book.
var catalog = []product{{
	Title: "The Comedy of Errors",
	DescriptionHTML: `A farce about two pairs of twins, parted by a shipwreck, who land in the same town on the same day. ` +
		`It is the shortest play of <b>William Shakespeare</b> and among his first ` +
		`(<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">more</a>).`,
}}

// glyphs returns five stars, of which the first n are true (filled).
func glyphs(n int) []bool {
	stars := make([]bool, 5)
	for i := range stars {
		stars[i] = i < n
	}
	return stars
}

// productpage shows the responses of the other services.
type productpage struct {
	details, reviews, ratings upstream
	forward                   forwarder
	results                   results
}

// newProductpage returns the handler of productpage.
func newProductpage(get env) (http.Handler, string, error) {
	if factor := get.or("FLOOD_FACTOR", "0"); factor != "0" {
		return nil, "", fmt.Errorf("FLOOD_FACTOR is %q, and flooding has no stand-in; use the original image", factor)
	}
	forward, err := newForwarder(get)
	if err != nil {
		return nil, "", err
	}
	const timeout = 3 * time.Second
	page := &productpage{
		details: newUpstream(get, "details", timeout),
		reviews: newUpstream(get, "reviews", timeout),
		ratings: newUpstream(get, "ratings", timeout),
		forward: forward,
		results: results{count: map[result]int{}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page.index)
	mux.HandleFunc("GET /index.html", page.index)
	mux.HandleFunc("GET /productpage", page.front)
	mux.HandleFunc("POST /login", login)
	mux.HandleFunc("GET /logout", logout)
	mux.HandleFunc("GET /static/", static)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "Product page is healthy")
	})
	mux.HandleFunc("GET /metrics", page.results.show)
	mux.HandleFunc("GET /api/v1/products", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, catalog)
	})
	mux.HandleFunc("GET /api/v1/products/{id}", api(page.productDetails))
	mux.HandleFunc("GET /api/v1/products/{id}/reviews", api(page.productReviews))
	mux.HandleFunc("GET /api/v1/products/{id}/ratings", api(page.productRatings))
	return mux, "v1", nil
}

// ask calls an upstream up to attempts times. It returns status 200 and the JSON of a product, or the upstream's status
// (500 without a response) and the JSON of an error.
func (p *productpage) ask(r *http.Request, name string, from upstream, id string, attempts int) (int, json.RawMessage) {
	header := p.forward.headers(r.Header)
	if user := sessionUser(r); user != "" {
		header.Set("End-User", user)
	}
	status := 0
	for ; attempts > 0; attempts-- {
		var answer json.RawMessage
		var err error
		status, answer, err = from.get(r.Context(), id, header)
		if err != nil {
			log.Printf("cannot get %s: %v", name, err)
		}
		if status == http.StatusOK {
			p.results.add(result{name, status})
			return status, answer
		}
	}
	if status == 0 {
		status = http.StatusInternalServerError
	}
	p.results.add(result{name, status})
	return status, json.RawMessage(`{"error": "Sorry, product ` + name + ` are currently unavailable for this book."}`)
}

func (p *productpage) productDetails(r *http.Request, id string) (int, json.RawMessage) {
	return p.ask(r, "details", p.details, id, 1)
}

func (p *productpage) productReviews(r *http.Request, id string) (int, json.RawMessage) {
	// Two attempts, as in the original: Istio's fault injection task relies on a total of six seconds.
	return p.ask(r, "reviews", p.reviews, id, 2)
}

func (p *productpage) productRatings(r *http.Request, id string) (int, json.RawMessage) {
	return p.ask(r, "ratings", p.ratings, id, 1)
}

// api returns a handler that responds with the result of one of the functions above.
func api(ask func(*http.Request, string) (int, json.RawMessage)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, answer := ask(r, r.PathValue("id"))
		writeJSON(w, status, answer)
	}
}

// render responds with a rendered template, or with an error and no part of the template.
func render(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		log.Printf("%s: %v", name, err)
		http.Error(w, "the page cannot be rendered; see the log for the reason", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// An error means that the client has disconnected.
	_, _ = page.WriteTo(w)
}

func (p *productpage) index(w http.ResponseWriter, _ *http.Request) {
	render(w, "index.html", []upstream{p.details, p.reviews, p.ratings})
}

// Base returns the upstream's URL, for the index.
func (u upstream) Base() string { return u.base }

// part is the content of an upstream's response, or the error in place of it.
type part[T any] struct {
	Data  T
	Error string
}

// read returns the part for an upstream's response.
func read[T any](status int, answer json.RawMessage) part[T] {
	var content part[T]
	var failed failure
	switch {
	case status == http.StatusOK:
		if err := json.Unmarshal(answer, &content.Data); err != nil {
			content.Error = "the response does not have the expected format: " + err.Error()
		}
	case json.Unmarshal(answer, &failed) == nil:
		content.Error = failed.Error
	}
	return content
}

func (p *productpage) front(w http.ResponseWriter, r *http.Request) {
	const id = "0"
	// Sequentially, as in the original, so that traces and delays look alike.
	details := read[book](p.productDetails(r, id))
	reviews := read[productReviews](p.productReviews(r, id))
	render(w, "productpage.html", struct {
		User    string
		Product product
		Details part[book]
		Reviews part[productReviews]
	}{sessionUser(r), catalog[0], details, reviews})
}

// static serves the page's files, but no directory listings.
func static(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/") {
		http.NotFound(w, r)
		return
	}
	http.FileServerFS(assets).ServeHTTP(w, r)
}

// sessionCookie contains only the user's name. It is not signed, because there are no accounts.
const sessionCookie = "session"

// maxUser limits the length of a user's name, in bytes.
const maxUser = 64

// checkUser returns an error if a name cannot be the value of the header end-user.
func checkUser(name string) error {
	if len(name) > maxUser {
		return fmt.Errorf("username must not exceed %d bytes", maxUser)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("username must contain only printable characters")
	}
	return nil
}

// sessionUser returns the name of the signed-in user, or an empty string.
func sessionUser(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	name, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || checkUser(string(name)) != nil {
		return ""
	}
	return string(name)
}

// setSession signs the user in, or out if name is empty, and redirects to the product page.
func setSession(w http.ResponseWriter, r *http.Request, name string) {
	cookie := &http.Cookie{
		Name: sessionCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(name)),
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if name == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, "/productpage", http.StatusFound)
}

// login accepts any user name with any password.
func login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	name := strings.TrimSpace(r.FormValue("username"))
	if err := checkUser(name); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	setSession(w, r, name)
}

func logout(w http.ResponseWriter, r *http.Request) {
	setSession(w, r, "")
}

// result is a type of response of another service.
type result struct {
	app    string
	status int
}

// results counts responses for Prometheus, which scrapes /metrics as the pod's annotations specify.
type results struct {
	mutex sync.Mutex
	count map[result]int
}

func (c *results) add(one result) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.count[one]++
}

func (c *results) show(w http.ResponseWriter, _ *http.Request) {
	c.mutex.Lock()
	lines := make([]string, 0, len(c.count))
	for one, count := range c.count {
		lines = append(lines, fmt.Sprintf("request_result_total{destination_app=%q,response_code=\"%d\"} %d\n", one.app, one.status, count))
	}
	c.mutex.Unlock()
	sort.Strings(lines)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(w, "# HELP request_result_total Responses of the other services.\n# TYPE request_result_total counter\n", strings.Join(lines, ""))
}
