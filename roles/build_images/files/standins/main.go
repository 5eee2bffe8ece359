// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Command standin answers in the place of the lab's sample images on a machine that no container registry serves.
// Its first argument picks the service, an optional second one the port.
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

// standInHeader is on every answer, so that nobody takes a stand-in for the original.
const standInHeader = "X-Meshlab-Stand-In"

// standInComment says the same on every page of HTML.
const standInComment = "<!-- A stand-in of meshlab.istio, not the original image. -->"

// env reads one environment variable; tests hand in a map.
type env func(string) string

// or gives the variable's value, or fallback where it is unset or empty.
func (get env) or(name, fallback string) string {
	if value := get(name); value != "" {
		return value
	}
	return fallback
}

// service is one image's program: the port it has by default, and how its handler and version come from the environment.
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

// run starts the service that args name and returns when ctx ends or the service cannot go on.
func run(ctx context.Context, args []string, get env) error {
	handler, label, port, err := configure(args, get)
	if err != nil {
		return err
	}
	// No address: all interfaces, IPv4 and IPv6.
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	log.Printf("%s on port %s: a stand-in, not the original", label, port)
	return serve(ctx, listener, handler)
}

// configure turns the command line and the environment into a handler, its label ("reviews v2") and its port.
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
		return nil, "", "", fmt.Errorf("no service %q; %s", name, usage)
	}
	port = get.or("PORT", chosen.port)
	if len(args) == 2 {
		port = args[1]
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return nil, "", "", fmt.Errorf("port %q of %s: give a number from 1 to 65535, as second argument or in PORT", port, name)
	}
	handler, version, err := chosen.build(get)
	if err != nil {
		return nil, "", "", fmt.Errorf("%s: %w", name, err)
	}
	label = name + " " + version
	handler = labelled(label, handler)
	if get("STANDIN_ACCESS_LOG") == "true" {
		handler = logged(handler)
	}
	return handler, label, port, nil
}

// serve answers on listener until ctx ends, then lets requests under way finish, within a second.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// Longer than the slowest answer: ten seconds of waiting for ratings.
		WriteTimeout: 30 * time.Second,
		// Longer than the hour after which Envoy drops an idle connection: who closes first must not be us, or a request gets a 503.
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

// labelled says on every answer which stand-in gave it.
func labelled(label string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(standInHeader, label)
		next.ServeHTTP(w, r)
	})
}

// logged writes a line for every answer: method, path, status, time taken.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		seen := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		log.Printf("%s %q %d %s", r.Method, r.URL.Path, seen.status, time.Since(begin).Round(time.Microsecond))
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
