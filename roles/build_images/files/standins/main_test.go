// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settings is an environment for a test.
type settings map[string]string

func (s settings) get(name string) string { return s[name] }

// start starts a server with the handler of a service.
func start(t *testing.T, name string, environment settings) *httptest.Server {
	t.Helper()
	handler, _, _, err := configure([]string{name}, environment.get)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// at sets the variables of a service to a server's address.
func (s settings) at(name string, server *httptest.Server) settings {
	address, err := url.Parse(server.URL)
	if err != nil {
		panic(err)
	}
	s[name+"_HOSTNAME"], s[name+"_SERVICE_PORT"] = address.Hostname(), address.Port()
	return s
}

// nowhere returns settings with which connections to these services are refused.
func nowhere(names ...string) settings {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := settings{}
	for _, name := range names {
		s.at(name, server)
	}
	return s
}

// call sends a request without following redirects, and returns the response and its body.
func call(t *testing.T, method, address, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	whole, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(whole)
}

// wantJSON asserts the status, the content type and the JSON of a response, ignoring white space.
func wantJSON(t *testing.T, response *http.Response, body string, status int, want string) {
	t.Helper()
	if response.StatusCode != status {
		t.Errorf("status %d, want %d", response.StatusCode, status)
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(body)); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if compact.String() != want {
		t.Errorf("body\n%s\nwant\n%s", compact.String(), want)
	}
}

func TestConfigure(t *testing.T) {
	for _, one := range []struct {
		name        string
		args        []string
		environment settings
		label, port string
	}{
		{"default port", []string{"details"}, nil, "details v1", "9080"},
		{"tomcat's default port", []string{"tomcat"}, nil, "tomcat v1", "8080"},
		{"PORT", []string{"ratings"}, settings{"PORT": "9090"}, "ratings v1", "9090"},
		{"argument before PORT", []string{"productpage", "9081"}, settings{"PORT": "9090"}, "productpage v1", "9081"},
		{"version", []string{"reviews", "9080"}, settings{"SERVICE_VERSION": "v3"}, "reviews v3", "9080"},
	} {
		t.Run(one.name, func(t *testing.T) {
			_, label, port, err := configure(one.args, one.environment.get)
			if err != nil || label != one.label || port != one.port {
				t.Errorf("%q on %q, %v; want %q on %q", label, port, err, one.label, one.port)
			}
		})
	}
}

func TestConfigureErrors(t *testing.T) {
	for _, one := range []struct {
		name        string
		args        []string
		environment settings
		want        string
	}{
		{"no service", nil, nil, "usage: standin details|productpage|ratings|reviews|tomcat [port]"},
		{"unknown service", []string{"mysql"}, nil, `unknown service "mysql"`},
		{"too many arguments", []string{"details", "9080", "v1"}, nil, "usage:"},
		{"port not a number", []string{"details", "http"}, nil, `must be a number from 1 to 65535, got "http"`},
		{"port too large", []string{"details", "65536"}, nil, "1 to 65535"},
		{"port zero", []string{"details"}, settings{"PORT": "0"}, "1 to 65535"},
		{"ratings with a database", []string{"ratings"}, settings{"SERVICE_VERSION": "v2"}, "only v1 has a stand-in"},
		{"details from the internet", []string{"details"}, settings{"ENABLE_EXTERNAL_BOOK_SERVICE": "true"}, "ENABLE_EXTERNAL_BOOK_SERVICE"},
		{"flooding", []string{"productpage"}, settings{"FLOOD_FACTOR": "100"}, "FLOOD_FACTOR"},
	} {
		t.Run(one.name, func(t *testing.T) {
			_, _, _, err := configure(one.args, one.environment.get)
			if err == nil || !strings.Contains(err.Error(), one.want) {
				t.Errorf("error %v, want %q in it", err, one.want)
			}
		})
	}
}

func TestRunReportsAPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := run(context.Background(), []string{"details", port}, settings{}.get); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v, want that the address is in use", err)
	}
}

func TestEveryResponseHasTheStandInHeader(t *testing.T) {
	for name, path := range map[string]string{
		"details": "/details/0", "ratings": "/ratings/0", "reviews": "/nothing-here", "productpage": "/health", "tomcat": "/",
	} {
		response, _ := call(t, "GET", start(t, name, nil).URL+path, "", nil)
		if got := response.Header.Get("X-Meshlab-Stand-In"); got != name+" v1" {
			t.Errorf("%s: header %q", name, got)
		}
	}
}

func TestTomcat(t *testing.T) {
	server := start(t, "tomcat", nil)
	response, body := call(t, "GET", server.URL+"/", "", nil)
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		t.Errorf("status %d, type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	for _, want := range []string{"Apache Tomcat", "is a stand-in", standInComment} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
	if response, _ := call(t, "GET", server.URL+"/demo", "", nil); response.StatusCode != 404 {
		t.Errorf("/demo: status %d", response.StatusCode)
	}
}

func TestAccessLogOnlyOnRequest(t *testing.T) {
	var lines bytes.Buffer
	log.SetOutput(&lines)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	for value, want := range map[string]bool{"": false, "true": true} {
		lines.Reset()
		handler, _, _, err := configure([]string{"details"}, settings{"STANDIN_ACCESS_LOG": value}.get)
		if err != nil {
			t.Fatal(err)
		}
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/details/x", nil))
		if got := strings.Contains(lines.String(), `GET "/details/x" 400`); got != want {
			t.Errorf("STANDIN_ACCESS_LOG=%q: log %q", value, lines.String())
		}
	}
}

func TestStopsWithinASecond(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- serve(ctx, listener, handler) }()
	hung := make(chan error, 1)
	go func() {
		_, err := http.Get("http://" + listener.Addr().String())
		hung <- err
	}()
	<-arrived
	begin := time.Now()
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("stopped after %s with a request that hangs", took)
	}
	if <-hung == nil {
		t.Error("the request that hangs got an answer")
	}
}

func TestRequestsInProgressFinish(t *testing.T) {
	arrived := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		time.Sleep(100 * time.Millisecond)
		w.WriteHeader(http.StatusTeapot)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- serve(ctx, listener, handler) }()
	status := make(chan int, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-arrived
	stop()
	if got := <-status; got != http.StatusTeapot {
		t.Errorf("status %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
