// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// forwarded has the request headers that a service propagates to the calls that it makes for the request.
// Without them, the proxies cannot join their spans into one trace.
var forwarded = []string{
	"X-Request-Id",
	// Zipkin, multiple headers and single header.
	"X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags", "B3",
	// W3C.
	"Traceparent", "Tracestate",
	// Lightstep, Google Cloud, OpenCensus, SkyWalking.
	"X-Ot-Span-Context", "X-Cloud-Trace-Context", "Grpc-Trace-Bin", "Sw8",
	// Used by routing rules and authorization policies.
	"User-Agent", "Cookie", "Authorization", "Jwt",
}

// forwardedPrefix is the prefix of Datadog's headers.
const forwardedPrefix = "X-Datadog-"

// forwarder propagates headers, except those in dropped, which shows how a missing header breaks a trace.
type forwarder struct {
	dropped map[string]bool
}

// newForwarder reads the headers to drop from FORWARD_WITHOUT, separated by commas.
func newForwarder(get env) (forwarder, error) {
	dropped := map[string]bool{}
	for _, part := range strings.Split(get("FORWARD_WITHOUT"), ",") {
		name := http.CanonicalHeaderKey(strings.TrimSpace(part))
		if name == "" {
			continue
		}
		if !slices.Contains(forwarded, name) && !strings.HasPrefix(name, forwardedPrefix) {
			return forwarder{}, fmt.Errorf("FORWARD_WITHOUT contains %q, which is not a propagated header", name)
		}
		dropped[name] = true
	}
	return forwarder{dropped}, nil
}

// headers returns the headers of an incoming request that are propagated. more has the names of additional headers, in canonical form.
func (f forwarder) headers(in http.Header, more ...string) http.Header {
	out := http.Header{}
	for name, values := range in {
		wanted := slices.Contains(forwarded, name) || slices.Contains(more, name) || strings.HasPrefix(name, forwardedPrefix)
		if wanted && len(values) > 0 && !f.dropped[name] {
			out[name] = append([]string(nil), values...)
		}
	}
	return out
}

// upstream is a client of another service.
type upstream struct {
	base   string // such as http://ratings:9080/ratings
	client *http.Client
}

// maxAnswer limits the body of an upstream's response, in bytes.
const maxAnswer = 1 << 20

// newUpstream reads the host and port of a service from NAME_HOSTNAME, SERVICES_DOMAIN and NAME_SERVICE_PORT.
func newUpstream(get env, name string, timeout time.Duration) upstream {
	variable := strings.ToUpper(name)
	host := get.or(variable+"_HOSTNAME", name)
	if domain := get("SERVICES_DOMAIN"); domain != "" {
		host += "." + domain
	}
	address := net.JoinHostPort(host, get.or(variable+"_SERVICE_PORT", "9080"))
	return upstream{
		base: "http://" + address + "/" + name,
		client: &http.Client{
			Timeout: timeout,
			// A new connection for each call, so that the Service balances calls even without a sidecar.
			Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		},
	}
}

// get requests base/id with these headers. It returns the status and the body, which is JSON if the status is 200.
// After an error, the status is 0.
func (u upstream) get(ctx context.Context, id string, header http.Header) (int, json.RawMessage, error) {
	// If the caller disconnects, the call continues until the client's timeout, so that a trace shows the whole delay.
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, u.base+"/"+url.PathEscape(id), nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header = header.Clone()
	response, err := u.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, err
	case len(body) > maxAnswer:
		return 0, nil, fmt.Errorf("%s returned more than %d bytes", u.base, maxAnswer)
	case response.StatusCode == http.StatusOK && !json.Valid(body):
		return 0, nil, errors.New(u.base + " returned status 200 with a body that is not JSON")
	}
	return response.StatusCode, body, nil
}

// writeJSON sends a response with value as JSON.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// An error means that the client has disconnected.
	_ = encoder.Encode(value)
}

// failure is the JSON of an error response.
type failure struct {
	Error string `json:"error"`
}
