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

// forwarded are the request headers that a service of the mesh hands on with the calls it makes for that request:
// without them the proxies cannot join their spans into one trace.
var forwarded = []string{
	"X-Request-Id",
	// Zipkin, in both of its forms.
	"X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags", "B3",
	// W3C.
	"Traceparent", "Tracestate",
	// Lightstep, Google Cloud, OpenCensus, SkyWalking.
	"X-Ot-Span-Context", "X-Cloud-Trace-Context", "Grpc-Trace-Bin", "Sw8",
	// What routing rules and authorization policies look at.
	"User-Agent", "Cookie", "Authorization", "Jwt",
}

// forwardedPrefix is Datadog's family of headers.
const forwardedPrefix = "X-Datadog-"

// forwarder hands headers on, but for those that it was told to drop: what then becomes of a trace can be seen.
type forwarder struct {
	dropped map[string]bool
}

// newForwarder takes the names to drop from FORWARD_WITHOUT, with commas between them.
func newForwarder(get env) (forwarder, error) {
	dropped := map[string]bool{}
	for _, part := range strings.Split(get("FORWARD_WITHOUT"), ",") {
		name := http.CanonicalHeaderKey(strings.TrimSpace(part))
		if name == "" {
			continue
		}
		if !slices.Contains(forwarded, name) && !strings.HasPrefix(name, forwardedPrefix) {
			return forwarder{}, fmt.Errorf("FORWARD_WITHOUT has %q, which is not handed on anyway", name)
		}
		dropped[name] = true
	}
	return forwarder{dropped}, nil
}

// headers gives the headers of an incoming request that the calls made for it carry.
// more names further ones, in canonical form.
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

// upstream is another service of the mesh.
type upstream struct {
	base   string // http://ratings:9080/ratings
	client *http.Client
}

// maxAnswer bounds what is read of an upstream's answer, in bytes.
const maxAnswer = 1 << 20

// newUpstream takes the host and port of service name from NAME_HOSTNAME, SERVICES_DOMAIN and NAME_SERVICE_PORT.
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
			// A connection for each call: without a sidecar, too, the Service then spreads the calls over its pods.
			Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		},
	}
}

// get asks for base/id with the given headers and returns the status and the body, which is JSON where the status is 200.
// An error means that there was no such answer; the status is then 0.
func (u upstream) get(ctx context.Context, id string, header http.Header) (int, json.RawMessage, error) {
	// A caller that hangs up does not end the call: a delayed upstream shows whole in the trace. The client's timeout bounds it.
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
		return 0, nil, fmt.Errorf("%s answered more than %d bytes", u.base, maxAnswer)
	case response.StatusCode == http.StatusOK && !json.Valid(body):
		return 0, nil, errors.New(u.base + " answered 200 with a body that is not JSON")
	}
	return response.StatusCode, body, nil
}

// writeJSON answers with value as JSON.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// A failed write means that the caller has gone.
	_ = encoder.Encode(value)
}

// failure is the JSON of an error.
type failure struct {
	Error string `json:"error"`
}
