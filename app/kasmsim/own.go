package kasmsim

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// ownRoutes are the endpoints that a true Kasm does not have. They stay reachable
// while the API is set to be unreachable.
func (s *Sim) ownRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/record", s.serveRecord)
	mux.HandleFunc("GET /sim/settings", s.serveSettings)
	mux.HandleFunc("POST /sim/settings", s.changeSettings)
	mux.HandleFunc("GET /sim/clock", s.serveClock)
	mux.HandleFunc("POST /sim/clock", s.changeClock)
	mux.HandleFunc("POST /sim/kill", s.kill)
	mux.HandleFunc("POST /sim/connect", s.connect)
	mux.HandleFunc("POST /sim/view", s.view)
	mux.HandleFunc("GET /sim/keys", s.serveKeys)
	mux.HandleFunc("POST /sim/keys", s.changeKey)
	mux.HandleFunc("DELETE /sim/keys/{key}", s.removeKey)
}

// Settings gives the knobs as they are.
func (s *Sim) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// unprocessable names the fields that are wrong, the first of them in "field".
func unprocessable(fields map[string]string) reply {
	body := map[string]any{"fields": fields}
	for name, problem := range fields {
		if first, ok := body["field"].(string); !ok || name < first {
			body["field"], body["error_message"] = name, name+": "+problem
		}
	}
	return reply{status: http.StatusUnprocessableEntity, body: body}
}

// object reads a JSON object from the request; when there is none it has answered.
func object(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, bool) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var fields map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &fields) != nil || fields == nil {
		write(w, refuseWith(http.StatusBadRequest, "Send a JSON object."))
		return nil, false
	}
	return fields, true
}

// answer runs fn at one moment and writes what it returns.
func (s *Sim) answer(w http.ResponseWriter, fn func(now instant) reply) {
	result := crash()
	if !s.at(func(now instant) { result = fn(now) }) {
		result = crash()
	}
	write(w, result)
}

func (s *Sim) serveRecord(w http.ResponseWriter, r *http.Request) {
	var from time.Time
	if raw := r.URL.Query().Get("since"); raw != "" {
		t, err := time.Parse(time.RFC3339, raw)
		if err != nil {
			write(w, unprocessable(map[string]string{"since": "Give a time as in RFC 3339."}))
			return
		}
		from = t
	}
	s.answer(w, func(now instant) reply {
		return ok(Record{Now: Stamp{now.sim}, Runs: since(s.runs, from)})
	})
}

func (s *Sim) serveSettings(w http.ResponseWriter, _ *http.Request) {
	write(w, ok(s.Settings()))
}

func (s *Sim) changeSettings(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	s.answer(w, func(now instant) reply {
		merged, wrong := s.settings.merge(fields)
		if len(wrong) > 0 {
			return unprocessable(wrong)
		}
		s.settings = merged
		s.change.Settings = true
		if !merged.DeletingSticks {
			s.unstick(now)
		}
		return ok(merged)
	})
}

// kill ends a desktop as a crash of its agent would: at once and without a trace
// in the list.
func (s *Sim) kill(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	var raw string
	_ = json.Unmarshal(fields["kasm_id"], &raw)
	if all := false; json.Unmarshal(fields["all"], &all) == nil && all {
		s.answer(w, s.killAll)
		return
	}
	id, valid := canonical(raw)
	if !valid {
		write(w, unprocessable(map[string]string{"kasm_id": "Give the id of a desktop."}))
		return
	}
	s.answer(w, func(now instant) reply {
		d, known := s.desktops[id]
		if !known {
			return refuseWith(http.StatusNotFound, notFound)
		}
		s.finish(d, now, EndedByKill)
		return ok(struct{}{})
	})
}

// killAll ends every desktop, as the restart of the one agent would.
func (s *Sim) killAll(now instant) reply {
	ended := s.sorted()
	for _, d := range ended {
		s.finish(d, now, EndedByKill)
	}
	return ok(map[string]int{"killed": len(ended)})
}

type wireClock struct {
	Now  Stamp `json:"now"`
	Rate int   `json:"rate"`
	// Wall is the real time at which the sender's clock showed Now, so that two
	// running clocks on one machine agree however long the request took.
	Wall time.Time `json:"-"`
}

// wallSlack is how far Wall may lie from our own real time and still be believed.
const wallSlack = 10 * time.Second

func (s *Sim) serveClock(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, func(now instant) reply { return ok(wireClock{Now: Stamp{now.sim}, Rate: s.clock.Rate}) })
}

func (s *Sim) changeClock(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	s.answer(w, func(now instant) reply {
		wanted, wrong := readClock(fields, wireClock{Now: Stamp{now.sim}, Rate: s.clock.Rate})
		if len(wrong) > 0 {
			return unprocessable(wrong)
		}
		to, allowed := s.turn(now, wanted.Now.Time)
		if !allowed {
			return unprocessable(map[string]string{"now": "The clock cannot go back while a desktop runs or starts."})
		}
		s.clock = simClock{Base: to, Wall: now.wall, Rate: wanted.Rate}
		if since := now.wall.Sub(wanted.Wall); !wanted.Wall.IsZero() && since >= 0 && since < wallSlack && to.Equal(wanted.Now.Time) {
			s.clock.Wall = wanted.Wall
			to = grained(s.clock.at(now.wall))
		}
		s.change.Clock = true
		s.settle(instant{sim: to, wall: now.wall})
		return ok(wireClock{Now: Stamp{to}, Rate: wanted.Rate})
	})
}

func readClock(fields map[string]json.RawMessage, c wireClock) (wireClock, map[string]string) {
	wrong := map[string]string{}
	for name, raw := range fields {
		switch name {
		case "now":
			var t time.Time
			if isNull(raw) || json.Unmarshal(raw, &t) != nil || t.Year() < 1970 || t.Year() > 2200 {
				wrong[name] = "Give a time as in RFC 3339."
			}
			c.Now = Stamp{grained(t)}
		case "rate":
			var rate int
			if isNull(raw) || json.Unmarshal(raw, &rate) != nil || rate != 0 && rate != 1 {
				wrong[name] = "Give 0 (stands still) or 1 (runs)."
			}
			c.Rate = rate
		case "wall":
			if isNull(raw) || json.Unmarshal(raw, &c.Wall) != nil {
				wrong[name] = "Give a time as in RFC 3339."
			}
		default:
			wrong[name] = "There is no field of this name."
		}
	}
	return c, wrong
}

// turn decides where the clock goes. It never goes back while a desktop is live; a
// wish less than slack behind leaves it where it is.
func (s *Sim) turn(now instant, to time.Time) (time.Time, bool) {
	if !to.Before(now.sim) || !s.anyLive() {
		return to, true
	}
	return now.sim, now.sim.Sub(to) < slack
}

func (s *Sim) anyLive() bool {
	for _, d := range s.desktops {
		if d.live() {
			return true
		}
	}
	return false
}
