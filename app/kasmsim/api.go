package kasmsim

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const maxRequest = 1 << 20

// reply is what an API call answers: JSON, or a page of HTML where Kasm sends one.
type reply struct {
	status int
	body   any
	html   string
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

// refuse reports an error the way Kasm does most of the time: with status 200.
func refuse(message string) reply { return refuseWith(http.StatusOK, message) }

func refuseWith(status int, message string) reply {
	return reply{status: status, body: map[string]string{"error_message": message}}
}

// crash is what a reader gets when the server fails inside: an id that is not a
// UUID, for one, is an error of Kasm's database.
func crash() reply {
	return reply{status: http.StatusInternalServerError, html: "<H1>Internal Error</H1>\n"}
}

// input is every field that any call reads.
type input struct {
	Key           string     `json:"api_key"`
	Secret        string     `json:"api_key_secret"`
	UserID        string     `json:"user_id"`
	KasmID        string     `json:"kasm_id"`
	ImageID       string     `json:"image_id"`
	EnableSharing bool       `json:"enable_sharing"`
	Force         bool       `json:"force"`
	TargetUser    targetUser `json:"target_user"`
}

type targetUser struct {
	UserID       string  `json:"user_id"`
	Username     *string `json:"username"`
	FirstName    *string `json:"first_name"`
	LastName     *string `json:"last_name"`
	Organization *string `json:"organization"`
	Phone        *string `json:"phone"`
	Locked       *bool   `json:"locked"`
	Disabled     *bool   `json:"disabled"`
}

type endpoint func(*Sim, instant, input) reply

// endpoints is the whole API; all of it is POST.
func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"/api/public/get_images":      (*Sim).getImages,
		"/api/public/create_user":     (*Sim).createUser,
		"/api/public/get_user":        (*Sim).getUser,
		"/api/public/get_users":       (*Sim).getUsers,
		"/api/public/update_user":     (*Sim).updateUser,
		"/api/public/delete_user":     (*Sim).deleteUser,
		"/api/public/logout_user":     (*Sim).logoutUser,
		"/api/public/get_attributes":  (*Sim).getAttributes,
		"/api/public/request_kasm":    (*Sim).requestKasm,
		"/api/public/get_kasm_status": (*Sim).getKasmStatus,
		"/api/public/get_kasms":       (*Sim).getKasms,
		"/api/public/destroy_kasm":    (*Sim).destroyKasm,
		"/api/public/keepalive":       (*Sim).keepalive,
		"/api/stop_kasm":              (*Sim).stopKasm,
		"/api/pause_kasm":             (*Sim).pauseKasm,
		"/api/resume_kasm":            (*Sim).resumeKasm,
	}
}

func (s *Sim) apiHandler() http.Handler {
	calls := endpoints()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/__healthcheck" {
			healthcheck(w, r)
			return
		}
		call, known := calls[r.URL.Path]
		switch {
		case !known:
			write(w, reply{status: http.StatusNotFound, html: "<H1>Not Found</H1>\n"})
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			write(w, refuseWith(http.StatusMethodNotAllowed, "Specified method is invalid for this resource"))
		default:
			answer := s.serve(call, r)
			s.log.Debug("api call", "path", r.URL.Path, "status", answer.status)
			write(w, answer)
		}
	})
}

func healthcheck(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		write(w, refuseWith(http.StatusMethodNotAllowed, "Specified method is invalid for this resource"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok": true}`)
}

func (s *Sim) serve(call endpoint, r *http.Request) reply {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuseWith(http.StatusRequestEntityTooLarge, "The request is too large")
	}
	var in input
	if err != nil || len(raw) > 0 && json.Unmarshal(raw, &in) != nil {
		return refuseWith(http.StatusBadRequest, "Invalid Request")
	}
	if !s.allowed(r, in) {
		return refuseWith(http.StatusForbidden, "Unauthorized")
	}
	answer := crash()
	if !s.at(func(now instant) { answer = call(s, now, in) }) {
		return crash()
	}
	return answer
}

// allowed takes the key from the body, or as HTTP Basic credentials.
func (s *Sim) allowed(r *http.Request, in input) bool {
	key, secret := in.Key, in.Secret
	if user, password, basic := r.BasicAuth(); basic {
		key, secret = user, password
	}
	sameKey := subtle.ConstantTimeCompare([]byte(key), []byte(s.key))
	sameSecret := subtle.ConstantTimeCompare([]byte(secret), []byte(s.secret))
	return sameKey&sameSecret == 1
}

// faults makes the API slow, failing or unreachable, as the settings say.
func (s *Sim) faults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := s.Settings()
		if set.Unreachable {
			hangUp(w)
			return
		}
		if set.LatencyMS > 0 && !wait(w, r, set.latency()) {
			return
		}
		if set.ErrorRate > 0 && rand.Float64() < set.ErrorRate {
			write(w, failure(set.ErrorStyle))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func failure(style string) reply {
	const message = "An unexpected error occurred. Please try again later."
	switch style {
	case StyleHTML500:
		return crash()
	case StyleOKError:
		return refuse(message)
	}
	return refuseWith(http.StatusBadRequest, message)
}

// wait holds a call back, until its caller gives up. A server notices that only
// once it has read the whole request.
func wait(w http.ResponseWriter, r *http.Request, d time.Duration) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		write(w, refuseWith(http.StatusRequestEntityTooLarge, "The request is too large"))
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// hangUp closes the connection without a word.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 connections cannot be taken over.
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_ = conn.Close()
}

func write(w http.ResponseWriter, r reply) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.html != "" {
		h.Set("Content-Type", "text/html")
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.html)
		return
	}
	raw, err := json.Marshal(r.body)
	if err != nil {
		http.Error(w, "<H1>Internal Error</H1>", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = w.Write(raw)
}

// trimmed gives a text without space around it, "" for none.
func trimmed(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}
