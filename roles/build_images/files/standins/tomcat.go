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
<p>This is a stand-in of meshlab.istio: it answers in the place of an Apache Tomcat image that this machine cannot pull.</p>
</body>
</html>
`

// newTomcat has one page, which names Apache Tomcat.
func newTomcat(env) (http.Handler, string, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		// A failed write means that the caller has gone.
		_, _ = io.WriteString(w, tomcatPage)
	})
	return mux, "v1", nil
}
