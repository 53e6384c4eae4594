package web

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
)

// served is a shop's handler on a real port, where connections can be taken over.
type served struct {
	*behind
	address string // host:port
	host    string // the shop's, with the port
}

func (d *behind) serve(t *testing.T, change ...func(*http.Server)) *served {
	t.Helper()
	srv := httptest.NewUnstartedServer(d.handler)
	for _, fn := range change {
		fn(srv.Config)
	}
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	return &served{d, srv.Listener.Addr().String(), d.ada.host + ":" + port}
}

// cookie is the desktop's alone: that of the shop is not needed inside.
func (d *behind) cookie() string {
	d.t.Helper()
	c, ok := d.ada.cookies["ez_desktop_"+d.desk.ID.String()]
	if !ok {
		d.t.Fatal("there is no cookie of the desktop")
	}
	return c.Name + "=" + c.Value
}

// dial opens the desktop's websocket, or tells the status that refused it.
func (s *served) dial(cookie, origin string) (*websocket.Conn, int) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	watched := &firstLine{Conn: conn}
	c, err := websocket.NewConfig("ws://"+s.host+s.path("websockify"), "http://"+s.host)
	if err != nil {
		s.t.Fatal(err)
	}
	c.Protocol = []string{"binary"}
	if c.Header.Set("Cookie", cookie); origin != "" {
		if c.Origin, err = c.Origin.Parse(origin); err != nil {
			s.t.Fatal(err)
		}
	}
	c.Header.Set("Authorization", "Basic bWluZTptaW5l")
	ws, err := websocket.NewClient(c, watched)
	if err != nil {
		return nil, watched.status()
	}
	ws.PayloadType = websocket.BinaryFrame
	return ws, http.StatusSwitchingProtocols
}

// firstLine remembers how an answer began.
type firstLine struct {
	net.Conn
	read []byte
}

func (f *firstLine) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if len(f.read) < 64 {
		f.read = append(f.read, b[:n]...)
	}
	return n, err
}

func (f *firstLine) status() (code int) {
	_, _ = fmt.Sscanf(string(f.read), "HTTP/1.1 %d", &code)
	return code
}

func echoes(t *testing.T, ws *websocket.Conn, message []byte) {
	t.Helper()
	_ = ws.SetDeadline(time.Now().Add(10 * time.Second))
	var back []byte
	if err := websocket.Message.Send(ws, message); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &back); err != nil || !bytes.Equal(back, message) {
		t.Fatalf("%d bytes came back as %d: %v", len(message), len(back), err)
	}
}

func TestAWebsocketGoesThrough(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	s := d.serve(t)
	ws, status := s.dial(d.cookie(), "")
	if ws == nil {
		t.Fatalf("refused with %d", status)
	}
	if got := ws.Config().Protocol; len(got) != 1 || got[0] != "binary" {
		t.Errorf("the protocol is %q", got)
	}
	echoes(t, ws, []byte("RFB 003.008\n"))
	echoes(t, ws, bytes.Repeat([]byte{0, 0xff}, 1<<20)) // more than any body may have
	seen := d.last()
	if seen.Path != "/websockify" || !seen.Websocket || seen.Header.Get("Cookie") != "" || seen.Header.Get("Origin") != d.host.up.URL || strings.Contains(seen.Header.Get("Authorization"), "bWluZTptaW5l") {
		t.Errorf("the desktop saw %+v", seen)
	}
}

func TestAWebsocketNeedsThePassAndTheShopsOwnPage(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	s := d.serve(t)
	for name, c := range map[string]struct {
		cookie, origin string
		want           int
	}{
		"no cookie":     {"a=b", "", 401},
		"another's":     {d.cookie()[:len(d.cookie())-4] + "AAAA", "", 401},
		"another site":  {d.cookie(), "https://evil.example", 403},
		"another port":  {d.cookie(), "http://" + d.ada.host + ":1", 403},
		"another shop":  {d.cookie(), "http://" + d.at(d.b).host, 403},
		"a near name":   {d.cookie(), "http://x" + s.host, 403},
		"its own, tls":  {d.cookie(), "https://" + s.host, 101},
		"its own again": {d.cookie(), "http://" + strings.ToUpper(s.host), 101},
	} {
		if _, got := s.dial(c.cookie, c.origin); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	for name, origin := range map[string]string{"no page at all": "", "a page of nowhere": "Origin: null\r\n", "nonsense": "Origin: http://%\r\n"} {
		none := s.raw("GET "+d.path("websockify")+" HTTP/1.1\r\nHost: "+s.host+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"+origin+"Cookie: "+d.cookie()+"\r\n\r\n", 0)
		if none.StatusCode != 403 {
			t.Errorf("%s: %d", name, none.StatusCode)
		}
	}
	h2c := s.raw("GET "+d.path("")+" HTTP/1.1\r\nHost: "+s.host+"\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nCookie: "+d.cookie()+"\r\n\r\n", 0)
	if seen := d.last(); h2c.StatusCode != 200 || seen.Header.Get("Upgrade") != "" || seen.Header.Get("Http2-Settings") != "" {
		t.Errorf("another protocol: %d, the desktop saw %v", h2c.StatusCode, seen.Header)
	}
}

// raw sends a request as it stands.
func (s *served) raw(request string, within time.Duration) *http.Response {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if within > 0 {
		_ = conn.SetDeadline(time.Now().Add(within))
	}
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// get asks with the desktop's cookie.
func (s *served) get(method, path string, header ...string) *http.Response {
	s.t.Helper()
	return s.raw(method+" "+path+" HTTP/1.1\r\nHost: "+s.host+"\r\nCookie: "+s.cookie()+"\r\n"+strings.Join(append(header, ""), "\r\n")+"\r\n", 20*time.Second)
}

func TestAStopEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(*behind){
		"stopped": func(d *behind) {
			if _, err := d.deps.Workspaces.Stop(d.t.Context(), d.a, workspaces.Who{UserID: d.user.ID}, d.desk.ID, metering.ByCustomer); err != nil {
				d.t.Fatal(err)
			}
		},
		"signed out": func(d *behind) { d.ada.post("/sign-out", nil).goesTo("/") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newBehind(t)
			d.enter(d.ada)
			s := d.serve(t)
			ws, status := s.dial(d.cookie(), "")
			if ws == nil {
				t.Fatalf("refused with %d", status)
			}
			echoes(t, ws, []byte("here"))
			streams := d.stream("GET /film")
			film := s.get("GET", d.path("film"))
			defer film.Body.Close()
			cookie := d.cookie()
			ends(d) // the desktop itself runs on: its host is slow
			began := time.Now()
			_ = ws.SetDeadline(time.Now().Add(8 * time.Second))
			var back []byte
			if err := websocket.Message.Receive(ws, &back); err == nil || time.Since(began) > 5*time.Second {
				t.Errorf("the websocket ended after %s: %v", time.Since(began), err)
			}
			if _, err := io.Copy(io.Discard, film.Body); time.Since(began) > 5*time.Second {
				t.Errorf("a stream ended after %s: %v", time.Since(began), err)
			}
			<-streams // the desktop noticed, too
			if ws, status := s.dial(cookie, ""); ws != nil || status != 401 {
				t.Errorf("opened again: %d", status)
			}
		})
	}
}

// stream makes the desktop send one word and then nothing until its visitor leaves.
func (d *behind) stream(pattern string) (left <-chan struct{}) {
	gone := make(chan struct{})
	d.vnc.Handle(pattern, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		_, _ = io.WriteString(w, "begin")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	return gone
}

func TestLongStreamsComeAsTheyAreSent(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	more := make(chan struct{})
	d.vnc.Handle("GET /log", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, strings.Repeat("more ", 1<<20))
	})
	const limit = 300 * time.Millisecond
	s := d.serve(t, func(srv *http.Server) { srv.ReadTimeout, srv.WriteTimeout = limit, limit })
	res := s.get("GET", d.path("log"), "Accept-Encoding: gzip")
	defer res.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "first" || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("began with %q, %v", first, err)
	}
	<-time.After(3 * limit) // longer than the server lets a request take
	close(more)
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 5<<20 {
		t.Errorf("then came %d bytes: %v", n, err)
	}
}

func TestPartsAndHeadersOfFilesCanBeAskedFor(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	d.vnc.Handle("/Downloads/film.bin", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"7"`)
		http.ServeContent(w, r, "film.bin", time.Time{}, strings.NewReader("0123456789"))
	})
	s := d.serve(t)
	part := s.get("GET", d.path("Downloads/film.bin"), "Range: bytes=2-5")
	body, err := io.ReadAll(part.Body)
	if part.StatusCode != 206 || string(body) != "2345" || err != nil || part.Header.Get("Content-Range") != "bytes 2-5/10" {
		t.Errorf("a part: %d %q %v %v", part.StatusCode, body, err, part.Header)
	}
	head := s.get("HEAD", d.path("Downloads/film.bin"))
	if seen := d.last(); head.StatusCode != 200 || head.ContentLength != 10 || seen.Method != "HEAD" {
		t.Errorf("the head: %d, %d bytes, by %s", head.StatusCode, head.ContentLength, seen.Method)
	}
	if same := s.get("GET", d.path("Downloads/film.bin"), `If-None-Match: "7"`); same.StatusCode != 304 {
		t.Errorf("asked again: %d", same.StatusCode)
	}
}

func TestADesktopHasOnlySoManyWebsockets(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	s := d.serve(t)
	open := make([]*websocket.Conn, socketsPerDesktop)
	for i := range open {
		var status int
		if open[i], status = s.dial(d.cookie(), ""); open[i] == nil {
			t.Fatalf("number %d is refused with %d", i, status)
		}
	}
	if _, status := s.dial(d.cookie(), ""); status != 429 {
		t.Errorf("one too many: %d", status)
	}
	_ = open[0].Close()
	for until := time.Now().Add(5 * time.Second); ; {
		if ws, status := s.dial(d.cookie(), ""); ws != nil {
			return
		} else if time.Now().After(until) {
			t.Fatalf("after one was closed: %d", status)
		}
	}
}

func TestADesktopMayNotChangeTheProtocolByItself(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	d.vnc.Handle("GET /switch", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	if got := d.serve(t).get("GET", d.path("switch")); got.StatusCode != 502 {
		t.Errorf("answered %d", got.StatusCode)
	}
}
