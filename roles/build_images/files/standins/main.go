// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Command standin replaces the lab's sample images on machines without a container registry.
// The first argument is the service, the optional second argument is the port.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// standInHeader is in every response, so that a stand-in is not mistaken for the original.
const standInHeader = "X-Meshlab-Stand-In"

// standInComment is in every HTML page, for the same reason.
const standInComment = "<!-- A stand-in of meshlab.istio, not the original image. -->"

// env returns the value of an environment variable.
type env func(string) string

// or returns the variable's value, or fallback if it is not set or empty.
func (get env) or(name, fallback string) string {
	if value := get(name); value != "" {
		return value
	}
	return fallback
}

// service is the program of one image: its default port, and the function that builds its handler from the environment.
type service struct {
	port  string
	build func(env) (handler http.Handler, version string, err error)
}

var services = map[string]service{
	"details":     {"9080", newDetails},
	"productpage": {"9080", newProductpage},
	"ratings":     {"9080", newRatings},
	"reviews":     {"9080", newReviews},
	"tomcat":      {"8080", newTomcat},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

// run runs the service that args name until ctx is done or the service fails.
func run(ctx context.Context, args []string, get env) error {
	handler, label, port, err := configure(args, get)
	if err != nil {
		return err
	}
	// All interfaces, IPv4 and IPv6.
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	log.Printf("%s on port %s: a stand-in, not the original", label, port)
	return serve(ctx, listener, handler)
}

// configure returns the handler, its label (such as "reviews v2") and its port for these arguments and this environment.
func configure(args []string, get env) (handler http.Handler, label, port string, err error) {
	names := make([]string, 0, len(services))
	for name := range services {
		names = append(names, name)
	}
	sort.Strings(names)
	usage := "usage: standin " + strings.Join(names, "|") + " [port]"
	if len(args) < 1 || len(args) > 2 {
		return nil, "", "", errors.New(usage)
	}
	name := args[0]
	chosen, known := services[name]
	if !known {
		return nil, "", "", fmt.Errorf("unknown service %q; %s", name, usage)
	}
	port = get.or("PORT", chosen.port)
	if len(args) == 2 {
		port = args[1]
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return nil, "", "", fmt.Errorf("the port of %s (second argument or PORT) must be a number from 1 to 65535, got %q", name, port)
	}
	handler, version, err := chosen.build(get)
	if err != nil {
		return nil, "", "", fmt.Errorf("%s: %w", name, err)
	}
	label = name + " " + version
	handler = withLabel(label, handler)
	if get("STANDIN_ACCESS_LOG") == "true" {
		handler = withAccessLog(handler)
	}
	return handler, label, port, nil
}

// serve serves requests until ctx is done, then gives the requests in progress a moment to finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// Longer than the slowest response, which waits 10 s for ratings.
		WriteTimeout: 30 * time.Second,
		// Longer than Envoy's idle timeout of an hour: if this server closed the connection first, a request could get a 503.
		IdleTimeout:    65 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 800*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close()
	}
	return nil
}

// withLabel sets the header that names the stand-in.
func withLabel(label string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(standInHeader, label)
		next.ServeHTTP(w, r)
	})
}

// withAccessLog logs the method, path, status and duration of every request.
func withAccessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		log.Printf("%s %q %d %s", r.Method, r.URL.Path, recorder.status, time.Since(begin).Round(time.Microsecond))
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}
