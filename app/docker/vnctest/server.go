// Package vnctest is a desktop's web server as KasmVNC makes it, without a
// desktop: one password for everything, a page, a websocket that sends back what
// it gets, and the few calls of KasmVNC's own API that the product uses. Tests of
// whatever stands before a desktop run against it, and a container of it is a
// desktop of a few megabytes.
package vnctest

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

// Username is the one account of a desktop's web server.
const Username = "kasm_user"

// Page is what GET / answers.
const Page = `<!doctype html><html><head><title>KasmVNC</title></head><body><div id="noVNC_container">desktop</div></body></html>`

// picture is the smallest JPEG there is: one grey point.
const picture = "\xff\xd8\xff\xdb\x00\x43\x00\x03\x02\x02\x02\x02\x02\x03\x02\x02\x02\x03\x03\x03\x03\x04\x06\x04\x04\x04\x04\x04\x08\x06\x06\x05\x06\x09\x08\x0a\x0a\x09\x08\x09\x09\x0a\x0c\x0f\x0c\x0a\x0b\x0e\x0b\x09\x09\x0d\x11\x0d\x0e\x0f\x10\x10\x11\x10\x0a\x0c\x12\x13\x12\x10\x13\x0f\x10\x10\x10\xff\xc9\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xcc\x00\x06\x00\x10\x10\x05\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xd2\xcf\x20\xff\xd9"

// Seen is one request as it arrived, before its password was looked at.
type Seen struct {
	Method    string
	Path      string
	Query     string
	Host      string
	Header    http.Header // a copy
	Websocket bool
}

// Server behaves like KasmVNC in a container.
type Server struct {
	Open bool // lets anybody in, as a server whose password was switched off

	password string
	mux      *http.ServeMux

	mu        sync.Mutex
	seen      []Seen
	connected map[int]time.Time // by number of the connection
	next      int
	last      time.Time // when the last of those connected had come
}

// New makes a server with a password.
func New(password string) *Server {
	s := &Server{password: password, mux: http.NewServeMux(), connected: map[int]time.Time{}}
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { send(w, "text/html", Page) })
	s.mux.HandleFunc("GET /vnc.html", func(w http.ResponseWriter, _ *http.Request) { send(w, "text/html", Page) })
	s.mux.HandleFunc("GET /api/get_sessions", s.sessions)
	s.mux.HandleFunc("GET /api/get_bottleneck_stats", s.bottlenecks)
	s.mux.HandleFunc("GET /api/get_screenshot", func(w http.ResponseWriter, _ *http.Request) { send(w, "image/jpeg", picture) })
	return s
}

// Handle adds a route behind the password.
func (s *Server) Handle(pattern string, h http.HandlerFunc) { s.mux.HandleFunc(pattern, h) }

// Handler is the web server.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
		s.note(r, upgrade)
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		name, password, sent := r.BasicAuth()
		switch {
		case s.Open && !upgrade:
			s.mux.ServeHTTP(w, r)
		case !sent:
			w.Header().Set("WWW-Authenticate", `Basic realm="Websockify"`)
			w.WriteHeader(http.StatusUnauthorized)
		case name != Username || subtle.ConstantTimeCompare([]byte(password), []byte(s.password)) != 1:
			w.WriteHeader(http.StatusUnauthorized)
		case upgrade: // on any path
			websocket.Server{Handshake: handshake, Handler: s.echo}.ServeHTTP(w, r)
		default:
			s.mux.ServeHTTP(w, r)
		}
	})
}

// Seen gives every request so far, the oldest first.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}

// Authorizations gives the Authorization headers that arrived, each once.
func (s *Server) Authorizations() []string { return s.distinct("Authorization") }

// Cookies gives the Cookie headers that arrived, each once.
func (s *Server) Cookies() []string { return s.distinct("Cookie") }

func (s *Server) distinct(header string) []string {
	var all []string
	for _, r := range s.Seen() {
		all = append(all, r.Header.Values(header)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Connected counts the websockets that are open.
func (s *Server) Connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connected)
}

func (s *Server) note(r *http.Request, upgrade bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxSeen {
		s.seen = slices.Delete(s.seen, 0, maxSeen/2)
	}
	s.seen = append(s.seen, Seen{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host, Header: r.Header.Clone(), Websocket: upgrade})
}

// maxSeen keeps a container that runs for long small.
const maxSeen = 10_000

// handshake speaks the one protocol that KasmVNC's own client asks for.
func handshake(c *websocket.Config, _ *http.Request) error {
	if !slices.Contains(c.Protocol, "binary") {
		return websocket.ErrBadWebSocketProtocol
	}
	c.Protocol = []string{"binary"}
	return nil
}

func (s *Server) echo(c *websocket.Conn) {
	number := s.join()
	defer s.leave(number)
	c.PayloadType = websocket.BinaryFrame
	for {
		var frame []byte
		if websocket.Message.Receive(c, &frame) != nil || websocket.Message.Send(c, frame) != nil {
			return
		}
	}
}

func (s *Server) join() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.last = time.Now().UTC()
	s.connected[s.next] = s.last
	return s.next
}

func (s *Server) leave(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connected, number)
	for _, since := range s.connected {
		s.last = since
	}
}

// sessions lists who is connected. As KasmVNC does, it goes on to name the last
// one after everybody has left.
func (s *Server) sessions(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	since := make([]time.Time, 0, len(s.connected))
	for _, at := range s.connected {
		since = append(since, at)
	}
	if len(since) == 0 && !s.last.IsZero() {
		since = append(since, s.last)
	}
	s.mu.Unlock()
	users := make([]string, len(since))
	for i, at := range since {
		users[i] = fmt.Sprintf(`{"username":"%s", "connected_since":"%s"}`, Username, at.Format(time.DateTime))
	}
	send(w, "text/plain", `{"users": [`+strings.Join(users, ",")+"]} ")
}

// bottlenecks tells of the connections that there are.
func (s *Server) bottlenecks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := make([]string, 0, len(s.connected))
	for number := range s.connected {
		lines = append(lines, fmt.Sprintf(`"127.0.0.1_%d::websocket": [ 10.0, 10.0, 10.0, 10.0 ]`, number))
	}
	if len(lines) == 0 {
		send(w, "text/plain", "{\n}\n")
		return
	}
	send(w, "text/plain", `{"`+Username+`": {`+strings.Join(lines, ",")+"}}")
}

// send answers; a client that has gone is no concern of the server.
func send(w http.ResponseWriter, kind, body string) {
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, body)
}
