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
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// healthy answers a health check with {"status": message}.
func healthy(message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": message})
	}
}

// onlyV1 refuses what the original's other images do: they need a database or the internet, or fail on purpose.
func onlyV1(get env) (string, error) {
	version := get.or("SERVICE_VERSION", "v1")
	if version != "v1" {
		return "", fmt.Errorf("SERVICE_VERSION is %q, and only v1 has a stand-in; use the original image", version)
	}
	return version, nil
}

// book is what details knows about a book.
type book struct {
	ID        int    `json:"id"`
	Author    string `json:"author"`
	Year      int    `json:"year"`
	Type      string `json:"type"`
	Pages     int    `json:"pages"`
	Publisher string `json:"publisher"`
	Language  string `json:"language"`
	ISBN10    string `json:"ISBN-10"`
	ISBN13    string `json:"ISBN-13"`
}

// newDetails knows one book, whose data it gives for every numeric id.
func newDetails(get env) (http.Handler, string, error) {
	version, err := onlyV1(get)
	if err != nil {
		return nil, "", err
	}
	if get("ENABLE_EXTERNAL_BOOK_SERVICE") == "true" {
		return nil, "", errors.New("ENABLE_EXTERNAL_BOOK_SERVICE has no stand-in; use the original image")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy("Details is healthy"))
	answer := func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil {
			writeJSON(w, http.StatusBadRequest, failure{"please provide numeric product id"})
			return
		}
		writeJSON(w, http.StatusOK, book{
			ID: id, Author: "William Shakespeare", Year: 1595, Type: "paperback", Pages: 200,
			Publisher: "PublisherA", Language: "English", ISBN10: "1234567890", ISBN13: "123-1234567890",
		})
	}
	mux.HandleFunc("GET /details", answer)
	mux.HandleFunc("GET /details/{id}", answer)
	return mux, version, nil
}

// What a stand-in for ratings keeps of what it is sent.
const (
	maxRatingsBody     = 16 << 10 // bytes
	maxRatingsProducts = 1000
)

// productRatings is what ratings knows about a product.
type productRatings struct {
	ID      int             `json:"id"`
	Ratings json.RawMessage `json:"ratings"`
}

// ratingsStore holds the ratings that were posted, for as long as the process lives.
type ratingsStore struct {
	mutex  sync.Mutex
	posted map[int]json.RawMessage
}

func (s *ratingsStore) get(id int) productRatings {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if ratings, found := s.posted[id]; found {
		return productRatings{id, ratings}
	}
	return productRatings{id, json.RawMessage(`{"Reviewer1":5,"Reviewer2":4}`)}
}

// put keeps the ratings of a product, and says whether there was room.
func (s *ratingsStore) put(id int, ratings json.RawMessage) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, found := s.posted[id]; !found && len(s.posted) >= maxRatingsProducts {
		return false
	}
	s.posted[id] = ratings
	return true
}

// newRatings gives two reviewers' stars for every numeric id, or what was posted for it.
func newRatings(get env) (http.Handler, string, error) {
	version, err := onlyV1(get)
	if err != nil {
		return nil, "", err
	}
	store := &ratingsStore{posted: map[int]json.RawMessage{}}
	productID := func(w http.ResponseWriter, r *http.Request) (int, bool) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil {
			writeJSON(w, http.StatusBadRequest, failure{"please provide numeric product ID"})
		}
		return id, err == nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy("Ratings is healthy"))
	mux.HandleFunc("GET /ratings/{id}", func(w http.ResponseWriter, r *http.Request) {
		if id, ok := productID(w, r); ok {
			writeJSON(w, http.StatusOK, store.get(id))
		}
	})
	mux.HandleFunc("POST /ratings/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRatingsBody))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			writeJSON(w, http.StatusRequestEntityTooLarge, failure{fmt.Sprintf("more than %d bytes of ratings", maxRatingsBody)})
		case err != nil || !json.Valid(body):
			writeJSON(w, http.StatusBadRequest, failure{"please provide valid ratings JSON"})
		case !store.put(id, body):
			writeJSON(w, http.StatusInsufficientStorage, failure{fmt.Sprintf("ratings of %d products are kept already", maxRatingsProducts)})
		default:
			writeJSON(w, http.StatusOK, store.get(id))
		}
	})
	return mux, version, nil
}

// rating is a review's stars, or why there are none.
type rating struct {
	Stars *int   `json:"stars,omitempty"`
	Color string `json:"color,omitempty"`
	Error string `json:"error,omitempty"`
}

type review struct {
	Reviewer string  `json:"reviewer"`
	Text     string  `json:"text"`
	Rating   *rating `json:"rating,omitempty"`
}

// productReviews is what reviews knows about a product. The id is text, as in the original.
type productReviews struct {
	ID          string   `json:"id"`
	Podname     string   `json:"podname"`
	Clustername string   `json:"clustername"`
	Reviews     []review `json:"reviews"`
}

// newReviews gives two reviews for every numeric id; with ENABLE_RATINGS each has stars, asked of ratings, in STAR_COLOR.
func newReviews(get env) (http.Handler, string, error) {
	withRatings := strings.EqualFold(get("ENABLE_RATINGS"), "true")
	color := get.or("STAR_COLOR", "black")
	// The original's patience depends on the colour, and the mesh's fault-injection tasks build on it.
	timeout := 2500 * time.Millisecond
	if color == "black" {
		timeout = 10 * time.Second
	}
	ratings := newUpstream(get, "ratings", timeout)
	forward, err := newForwarder(get)
	if err != nil {
		return nil, "", err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy("Reviews is healthy"))
	mux.HandleFunc("GET /reviews/{id}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		id := strconv.FormatInt(number, 10)
		answer := productReviews{
			ID: id,
			// The original writes "null" for what it does not know.
			Podname:     get.or("HOSTNAME", "null"),
			Clustername: get.or("CLUSTER_NAME", "null"),
			Reviews: []review{
				{Reviewer: "Reviewer1", Text: "Two pairs of twins, one town, and not a dull scene: I laughed from the first mix-up to the last."},
				{Reviewer: "Reviewer2", Text: "Quick, light and very funny. Do not look for the depth of the later plays here."},
			},
		}
		if withRatings {
			stars := starsOf(r.Context(), ratings, forward.headers(r.Header, "End-User"), id)
			for i := range answer.Reviews {
				one := &answer.Reviews[i]
				one.Rating = &rating{Color: color}
				// Absent, null or not a number: for this reviewer there is no rating.
				if json.Unmarshal(stars[one.Reviewer], &one.Rating.Stars) != nil || one.Rating.Stars == nil {
					one.Rating = &rating{Error: "Ratings service is currently unavailable"}
				}
			}
		}
		writeJSON(w, http.StatusOK, answer)
	})
	return mux, get.or("SERVICE_VERSION", "v1"), nil
}

// starsOf asks ratings about a product; the answer is empty where ratings gives none, and the log says why.
func starsOf(ctx context.Context, ratings upstream, header http.Header, id string) map[string]json.RawMessage {
	status, body, err := ratings.get(ctx, id, header)
	var answer struct {
		Ratings map[string]json.RawMessage `json:"ratings"`
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answered %d", ratings.base, status)
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		log.Printf("no ratings: %v", err)
		return nil
	}
	return answer.Ratings
}
