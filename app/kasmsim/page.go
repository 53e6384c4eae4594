package kasmsim

import (
	"crypto/subtle"
	"embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// viewerKeepalive is how often an open viewer keeps its desktop alive.
const viewerKeepalive = 5 * time.Minute

const sessionRefused = "Unauthorized Session Access. If problem persists try logging back in to the application"

// pageRoutes serve the page that stands for a desktop. Its link holds the desktop
// and the token behind the #, which a browser never sends, so one page serves all.
func pageRoutes(mux *http.ServeMux) {
	for path, file := range map[string]struct{ name, kind string }{
		"GET /{$}":             {"index.html", "text/html; charset=utf-8"},
		"GET /sim/desktop.js":  {"desktop.js", "text/javascript; charset=utf-8"},
		"GET /sim/desktop.css": {"desktop.css", "text/css; charset=utf-8"},
		"GET /sim/desktop.svg": {"desktop.svg", "image/svg+xml"},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			raw, err := pageFiles.ReadFile("page/" + file.name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			pageHeaders(w.Header())
			w.Header().Set("Content-Type", file.kind)
			_, _ = w.Write(raw)
		})
	}
}

func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
}

// wireView is what the page shows.
type wireView struct {
	KasmID   string  `json:"kasm_id"`
	Username string  `json:"username"`
	Image    string  `json:"image"`
	State    string  `json:"state"`
	Cores    float64 `json:"cores"`
	MemoryMB int64   `json:"memory_mb"`
	Now      Stamp   `json:"now"`
}

// connect is how the page opens a desktop, and how it says every few seconds that
// somebody still looks.
func (s *Sim) connect(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	link := map[string]string{}
	for _, name := range []string{"kasm_id", "user_id", "token"} {
		var v string
		_ = json.Unmarshal(fields[name], &v)
		link[name] = v
	}
	s.answer(w, func(now instant) reply {
		d := s.opened(link["kasm_id"], link["user_id"], link["token"])
		if d == nil {
			return refuseWith(http.StatusForbidden, sessionRefused)
		}
		s.look(d, now)
		img := s.image(d.ImageID)
		return ok(wireView{
			KasmID: d.ID, Username: d.Username, Image: img.FriendlyName, State: string(d.State),
			Cores: img.Cores, MemoryMB: img.MemoryBytes >> 20, Now: Stamp{now.sim},
		})
	})
}

// opened finds the desktop that a link opens, nil when the link is no longer good.
func (s *Sim) opened(kasmID, userID, token string) *desktop {
	id, _ := canonical(kasmID)
	owner, _ := canonical(userID)
	d, known := s.desktops[id]
	if !known || d.UserID != owner {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(token)), []byte(d.Token)) != 1 {
		return nil
	}
	return d
}

// mostViewers is how many people may look at one desktop.
const mostViewers = 1000

// view attaches people to a running desktop, or with 0 takes them away, until it is
// said otherwise or the desktop's run ends: connection_info tells of them.
func (s *Sim) view(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	var raw string
	var viewers int64
	wrong := map[string]string{}
	_ = json.Unmarshal(fields["kasm_id"], &raw)
	id, valid := canonical(raw)
	if !valid {
		wrong["kasm_id"] = "Give the id of a desktop."
	}
	if problem := setWhole(&viewers, fields["viewers"], 0, mostViewers); problem != "" {
		wrong["viewers"] = problem
	}
	if len(wrong) > 0 {
		write(w, unprocessable(wrong))
		return
	}
	s.answer(w, func(now instant) reply {
		d, known := s.desktops[id]
		switch {
		case !known:
			return refuseWith(http.StatusNotFound, notFound)
		case d.State != running:
			return refuseWith(http.StatusConflict, "This session is currently "+string(d.State)+".")
		}
		s.look(d, now)
		d.seen, d.Viewers = time.Time{}, int(viewers)
		s.touch(d)
		return ok(map[string]any{"kasm_id": d.ID, "viewers": d.Viewers})
	})
}

// look notes a viewer, which keeps the desktop alive as Kasm's own viewer does.
func (s *Sim) look(d *desktop, now instant) {
	d.seen = now.wall
	last := d.KeptAlive
	if last.Before(d.RequestedAt) {
		last = d.RequestedAt
	}
	if d.State == running && now.sim.Sub(last) >= viewerKeepalive {
		d.keepAlive(now.sim, s.rules(d.UserID))
		s.touch(d)
		s.expect(d)
	}
}
