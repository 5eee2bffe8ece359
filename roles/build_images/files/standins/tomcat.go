// Copyright (c) 2026 the meshlab.istio authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"net/http"
)

const tomcatPage = `<!DOCTYPE html>
` + standInComment + `
<html lang="en">
<head><meta charset="utf-8"><title>Apache Tomcat (stand-in)</title></head>
<body>
<h1>Apache Tomcat</h1>
<p>This is a stand-in of meshlab.istio: it replaces an Apache Tomcat image that this machine cannot pull.</p>
</body>
</html>
`

// newTomcat returns the handler of a page that contains "Apache Tomcat".
func newTomcat(env) (http.Handler, string, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		// An error means that the client has disconnected.
		_, _ = io.WriteString(w, tomcatPage)
	})
	return mux, "v1", nil
}
