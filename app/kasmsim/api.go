package kasmsim

import (
	"bytes"
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
	jpeg   []byte
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

// input is every field that any call reads, and what its key may do.
type input struct {
	Key               string         `json:"api_key"`
	Secret            string         `json:"api_key_secret"`
	UserID            string         `json:"user_id"`
	KasmID            string         `json:"kasm_id"`
	ImageID           string         `json:"image_id"`
	ShareID           string         `json:"share_id"`
	EnableSharing     bool           `json:"enable_sharing"`
	PersistentProfile string         `json:"persistent_profile_mode"`
	Force             bool           `json:"force"`
	Width             int            `json:"width"`
	Height            int            `json:"height"`
	Name              string         `json:"name"`
	Exec              *execConfig    `json:"exec_config"`
	TargetUser        targetUser     `json:"target_user"`
	TargetGroup       targetGroup    `json:"target_group"`
	TargetImage       targetImage    `json:"target_image"`
	TargetSetting     targetSetting  `json:"target_setting"`
	TargetAttributes  map[string]any `json:"target_user_attributes"`

	grant grant
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

func (s *Sim) apiHandler() http.Handler {
	calls := routes()
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

func (s *Sim) serve(call route, r *http.Request) reply {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuseWith(http.StatusRequestEntityTooLarge, "The request is too large")
	}
	var in input
	if err != nil || len(raw) > 0 && json.Unmarshal(raw, &in) != nil {
		return refuseWith(http.StatusBadRequest, "Invalid Request")
	}
	answer := crash()
	if !s.at(func(now instant) { answer = s.dispatch(now, call, r, in) }) {
		return crash()
	}
	return answer
}

func (s *Sim) dispatch(now instant, call route, r *http.Request, in input) reply {
	may, known := s.identify(r, in)
	if !known || !may.covers(call) {
		return s.restyled(unauthorized())
	}
	in.grant = may
	return s.restyled(call.do(s, now, in))
}

// restyled gives a refusal the status that the settings ask for.
func (s *Sim) restyled(r reply) reply {
	said, refused := r.body.(map[string]string)
	if !refused || said["error_message"] == "" || r.status >= http.StatusInternalServerError {
		return r
	}
	style := s.settings.RefusalStyle
	if style == StyleMixed {
		style = []string{StyleSeen, StyleJSON, StyleOKError}[rand.IntN(3)]
	}
	switch {
	case style == StyleOKError:
		r.status = http.StatusOK
	case style == StyleJSON && r.status == http.StatusOK:
		r.status = http.StatusBadRequest
	}
	return r
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
		if happens(set.ErrorRate) {
			write(w, failure(set.ErrorStyle))
			return
		}
		if happens(set.LostRate) {
			next.ServeHTTP(unheard{http.Header{}}, r)
			hangUp(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unheard takes an answer that nobody gets.
type unheard struct{ header http.Header }

func (u unheard) Header() http.Header         { return u.header }
func (u unheard) Write(b []byte) (int, error) { return len(b), nil }
func (u unheard) WriteHeader(int)             {}

func failure(style string) reply {
	if style == StyleMixed {
		style = []string{StyleJSON, StyleHTML500, StyleOKError}[rand.IntN(3)]
	}
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
	if r.jpeg != nil {
		h.Set("Content-Type", "image/jpeg")
		w.WriteHeader(r.status)
		_, _ = w.Write(r.jpeg)
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
