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

// onlyV1 rejects the versions of the other original images, which need a database or the internet, or fail on purpose.
func onlyV1(get env) (string, error) {
	version := get.or("SERVICE_VERSION", "v1")
	if version != "v1" {
		return "", fmt.Errorf("SERVICE_VERSION is %q, and only v1 has a stand-in; use the original image", version)
	}
	return version, nil
}

// book is the response of details.
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

// newDetails returns the handler of details, which has the same book for every numeric id.
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

// Limits of the ratings that are stored.
const (
	maxRatingsBody     = 16 << 10 // bytes
	maxRatingsProducts = 1000
)

// productRatings is the response of ratings.
type productRatings struct {
	ID      int             `json:"id"`
	Ratings json.RawMessage `json:"ratings"`
}

// ratingsStore stores the posted ratings until the process exits.
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

// put stores the ratings of a product. It returns false if the store is full.
func (s *ratingsStore) put(id int, ratings json.RawMessage) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, found := s.posted[id]; !found && len(s.posted) >= maxRatingsProducts {
		return false
	}
	s.posted[id] = ratings
	return true
}

// newRatings returns the handler of ratings, which has the posted ratings of a product, or the stars of two reviewers.
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
			writeJSON(w, http.StatusRequestEntityTooLarge, failure{fmt.Sprintf("ratings must not exceed %d bytes", maxRatingsBody)})
		case err != nil || !json.Valid(body):
			writeJSON(w, http.StatusBadRequest, failure{"please provide valid ratings JSON"})
		case !store.put(id, body):
			writeJSON(w, http.StatusInsufficientStorage, failure{fmt.Sprintf("the store is full: it has ratings of %d products", maxRatingsProducts)})
		default:
			writeJSON(w, http.StatusOK, store.get(id))
		}
	})
	return mux, version, nil
}

// rating has the stars of a review, or the error in place of them.
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

// productReviews is the response of reviews. The id is a string, as in the original.
type productReviews struct {
	ID          string   `json:"id"`
	Podname     string   `json:"podname"`
	Clustername string   `json:"clustername"`
	Reviews     []review `json:"reviews"`
}

// newReviews returns the handler of reviews, which has two reviews for every numeric id, with stars from ratings if ENABLE_RATINGS is true.
func newReviews(get env) (http.Handler, string, error) {
	withRatings := strings.EqualFold(get("ENABLE_RATINGS"), "true")
	color := get.or("STAR_COLOR", "black")
	// As in the original, the timeout depends on the color; Istio's fault injection task relies on that.
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
			// The original uses "null" for unknown values.
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
				review := &answer.Reviews[i]
				review.Rating = &rating{Color: color}
				// Missing, null or not a number.
				if json.Unmarshal(stars[review.Reviewer], &review.Rating.Stars) != nil || review.Rating.Stars == nil {
					review.Rating = &rating{Error: "Ratings service is currently unavailable"}
				}
			}
		}
		writeJSON(w, http.StatusOK, answer)
	})
	return mux, get.or("SERVICE_VERSION", "v1"), nil
}

// starsOf returns the stars of a product by reviewer. After an error, which it logs, it returns nil.
func starsOf(ctx context.Context, ratings upstream, header http.Header, id string) map[string]json.RawMessage {
	status, body, err := ratings.get(ctx, id, header)
	var answer struct {
		Ratings map[string]json.RawMessage `json:"ratings"`
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s returned status %d", ratings.base, status)
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		log.Printf("cannot get ratings: %v", err)
		return nil
	}
	return answer.Ratings
}
