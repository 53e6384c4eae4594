package kasmsim

// defaultZone is the simulator's one zone.
const defaultZone = "0f0e0d0c0b0a49088706050403020100"

// Size of the simulator's one agent while little runs on it. What limits desktops is
// the setting capacity, so the agent is always large enough for those that it still
// lets in, and full when it lets in none.
const (
	agentCores  = 64
	agentMemory = 256 << 30
	agentDisk   = 2 << 40

	desktopCores  = 8
	desktopMemory = 16 << 30
	systemMemory  = 1 << 30 // what the machine itself takes
)

// load is what runs on the agent, and what the agent has for it.
type load struct {
	kasms              int
	usedCores, cores   float64
	usedMemory, memory int64
	limited            bool // by the setting capacity
}

func (s *Sim) load() load {
	l := load{usedMemory: systemMemory}
	for _, d := range s.desktops {
		if d.occupies() {
			img := s.image(d.ImageID)
			l.kasms++
			l.usedCores += img.Cores
			l.usedMemory += img.MemoryBytes
		}
	}
	freeCores, freeMemory := max(agentCores-l.usedCores, agentCores/2), max(agentMemory-l.usedMemory, agentMemory/2)
	if l.limited = s.settings.Capacity >= 0; l.limited {
		left := max(s.settings.Capacity-l.kasms, 0)
		freeCores, freeMemory = min(freeCores, float64(left*desktopCores)), min(freeMemory, int64(left)*desktopMemory)
	}
	l.cores, l.memory = l.usedCores+freeCores, l.usedMemory+freeMemory
	return l
}

func (s *Sim) getZones(instant, input) reply {
	return ok(map[string]any{"zones": []any{map[string]any{"zone_id": defaultZone, "zone_name": agent().Zone, "auto_scaling_enabled": false}}})
}

func (s *Sim) getLicenses(now instant, _ input) reply {
	limit := s.settings.LicenceLimit
	if limit < 0 {
		limit = 1_000_000
	}
	return ok(map[string]any{"licenses": []any{map[string]any{
		"license_id": "2f5f2b9a6b6c4a6f8f8e2d1c0b0a9988", "license_type": "Per Concurrent Kasm", "sku": "SIMULATOR", "issued_to": "simulator", "limit": limit,
		"is_verified": true, "issued_at": date(now.sim.AddDate(-1, 0, 0)), "expiration": date(now.sim.AddDate(1, 0, 0)),
		"features": map[string]bool{"developer_api": true, "session_sharing": true, "auto_scaling": false, "session_staging": false},
	}}})
}

type wireAgent struct {
	ID       string  `json:"agent_id"`
	ServerID string  `json:"server_id"`
	Hostname string  `json:"hostname"`
	Status   string  `json:"status"`
	ZoneID   string  `json:"zone_id"`
	Enabled  bool    `json:"enabled"`
	Cores    float64 `json:"cores"`
	memory
	GPUs     int  `json:"gpus"`
	MaxKasms *int `json:"max_simultaneous_sessions,omitempty"`
}

func (s *Sim) getAgents(instant, input) reply {
	a, l := agent(), s.load()
	w := wireAgent{
		ID: "9d0cbd2c48f94a6d8cb52c0c6e6d2a11", ServerID: a.ID, Hostname: a.Hostname, Status: "running", ZoneID: defaultZone, Enabled: true,
		Cores: l.cores, memory: s.memory(l.memory),
	}
	if l.limited {
		w.MaxKasms = &s.settings.Capacity
	}
	return ok(map[string]any{"agents": []wireAgent{w}})
}

func (s *Sim) getAgentReport(instant, input) reply {
	a, l := agent(), s.load()
	return ok(map[string]any{"agents": []any{map[string]any{
		"name": a.Hostname, "server_id": a.ID, "health": "healthy", "kasms": l.kasms,
		"memory_total": l.memory, "memory_used": l.usedMemory, "memory_free": l.memory - l.usedMemory,
		"disk_space": int64(agentDisk), "disk_space_used": int64(agentDisk) / 10, "disk_space_free": int64(agentDisk) / 10 * 9,
	}}})
}

// getReport knows the two numbers that clients were seen to ask for.
func (s *Sim) getReport(_ instant, in input) reply {
	switch in.Name {
	case "current_kasms":
		return ok(map[string]int{"data": len(s.desktops)})
	case "get_errors":
		return ok(map[string]int{"data": 0})
	}
	return refuse(invalidRequest)
}

type wirePast struct {
	ID       string `json:"kasm_id"`
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	ImageID  string `json:"image_id"`
	Start    string `json:"start_date"`
	End      string `json:"end_date"`
}

// getSessionHistory is undocumented in the true server, so its shape here is a
// guess. It is made from the record, so it can be compared with that.
func (s *Sim) getSessionHistory(now instant, _ input) reply {
	if !s.settings.SessionHistory {
		return reply{status: 404, html: "<H1>Not Found</H1>\n"}
	}
	past := make([]wirePast, 0, len(s.runs))
	for _, r := range s.runs {
		w := wirePast{ID: dashed(r.KasmID), UserID: r.UserID, Username: r.Username, ImageID: r.ImageID, Start: date(r.RunningFrom.Time), End: "None"}
		if r.RunningTo != nil {
			w.End = date(r.RunningTo.Time)
		}
		past = append(past, w)
	}
	return ok(map[string]any{"current_time": date(now.sim), "session_history": past})
}
