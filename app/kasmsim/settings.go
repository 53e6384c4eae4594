package kasmsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// How a failing call fails.
const (
	StyleJSON    = "json"     // 400 with error_message
	StyleHTML500 = "html500"  // 500 with a page of HTML
	StyleOKError = "ok_error" // 200 with error_message
	StyleMixed   = "mixed"    // one of them at random
)

// StyleSeen is a refusal with the status that true servers were seen to send.
const StyleSeen = "seen"

// How a key may be sent.
const (
	AuthAny   = "any"
	AuthBody  = "body"
	AuthBasic = "basic"
)

// What becomes of a desktop that nobody keeps alive.
const (
	ActionDelete = "delete"
	ActionStop   = "stop"
	ActionPause  = "pause"
)

// What becomes of a call to stop, pause or resume.
const (
	StopAllowed = "allowed"
	StopRefused = "refused" // 403, as for a key that may not
	StopMissing = "missing" // 404, as from a server without these calls
)

// Names of the field that holds an amount of memory.
const (
	MemoryOld = "memory"
	MemoryNew = "memory_bytes" // since 1.19
)

// Unset as a delay or a time limit: none of its own.
const Unset = -1

// NoLimit as a capacity or limit; 0 means that nothing at all may start.
const NoLimit = -1

const (
	maxDelay   = 365 * 24 * time.Hour
	maxLatency = 10 * time.Minute
)

// Settings are the knobs of the simulator.
type Settings struct {
	StartDelayMS     int64   `json:"start_delay_ms"`     // request to running
	RequestedDelayMS int64   `json:"requested_delay_ms"` // of it in the state requested; Unset is a third
	ResumeDelayMS    int64   `json:"resume_delay_ms"`    // Unset is as long as a start
	StopDelayMS      int64   `json:"stop_delay_ms"`      // destroy to gone
	DeletingSticks   bool    `json:"deleting_sticks"`    // what is destroyed stays in the state deleting
	StartFailureRate float64 `json:"start_failure_rate"` // share of desktops that end in the state error, 0 to 1
	Capacity         int     `json:"capacity"`
	PerUserLimit     int     `json:"per_user_limit"`
	LicenceLimit     int     `json:"licence_limit"`
	KeepaliveS       int64   `json:"keepalive_s"`
	KeepaliveAction  string  `json:"keepalive_action"`
	TimeLimitS       int64   `json:"time_limit_s"` // Unset is none; with one, keepalive extends nothing
	StopCalls        string  `json:"stop_calls"`
	UsageReached     bool    `json:"usage_reached"`
	ErrorRate        float64 `json:"error_rate"` // share of API calls that fail, 0 to 1
	ErrorStyle       string  `json:"error_style"`
	RefusalStyle     string  `json:"refusal_style"` // of what the server refuses by its own rules
	LostRate         float64 `json:"lost_rate"`     // share of API calls that take effect and are never answered, 0 to 1
	LatencyMS        int64   `json:"latency_ms"`
	MemoryField      string  `json:"memory_field"`
	Auth             string  `json:"auth"`
	SessionHistory   bool    `json:"session_history"` // the server has that call
	Unreachable      bool    `json:"unreachable"`     // API calls are cut off without an answer
}

func defaultSettings() Settings {
	return Settings{
		StartDelayMS: 3000, RequestedDelayMS: Unset, ResumeDelayMS: Unset, StopDelayMS: 1000,
		Capacity: NoLimit, PerUserLimit: NoLimit, LicenceLimit: NoLimit,
		KeepaliveS: 3600, KeepaliveAction: ActionDelete, TimeLimitS: Unset, StopCalls: StopAllowed,
		ErrorStyle: StyleJSON, RefusalStyle: StyleSeen, MemoryField: MemoryOld, Auth: AuthAny, SessionHistory: true,
	}
}

// UnmarshalJSON reads settings that an older simulator wrote: what it did not know
// is as at first.
func (s *Settings) UnmarshalJSON(raw []byte) error {
	type plain Settings
	whole := plain(defaultSettings())
	if err := json.Unmarshal(raw, &whole); err != nil {
		return err
	}
	*s = Settings(whole)
	return nil
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func (s Settings) startDelay() time.Duration { return milliseconds(s.StartDelayMS) }
func (s Settings) stopDelay() time.Duration  { return milliseconds(s.StopDelayMS) }
func (s Settings) latency() time.Duration    { return milliseconds(s.LatencyMS) }

// requestedDelay is the part of a start that passes before the container begins.
func (s Settings) requestedDelay() time.Duration {
	if s.RequestedDelayMS < 0 {
		return (s.startDelay() / 3).Truncate(grain)
	}
	return min(milliseconds(s.RequestedDelayMS), s.startDelay())
}

func (s Settings) resumeDelay() time.Duration {
	if s.ResumeDelayMS < 0 {
		return s.startDelay()
	}
	return milliseconds(s.ResumeDelayMS)
}

// merge applies the named fields to a copy. The second result names the fields
// that are wrong; nothing is to be applied then.
func (s Settings) merge(fields map[string]json.RawMessage) (Settings, map[string]string) {
	wrong := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		set, known := s.setters()[name]
		problem := "There is no setting of this name."
		if known {
			problem = set(fields[name])
		}
		if problem != "" {
			wrong[name] = problem
		}
	}
	return s, wrong
}

// setters tell for each setting how it is read, and answer what is wrong with a
// value.
func (s *Settings) setters() map[string]func(json.RawMessage) string {
	type raw = json.RawMessage
	delay := maxDelay.Milliseconds()
	return map[string]func(raw) string{
		"start_delay_ms":     func(r raw) string { return setWhole(&s.StartDelayMS, r, 0, delay) },
		"requested_delay_ms": func(r raw) string { return setOptional(&s.RequestedDelayMS, r, delay) },
		"resume_delay_ms":    func(r raw) string { return setOptional(&s.ResumeDelayMS, r, delay) },
		"stop_delay_ms":      func(r raw) string { return setWhole(&s.StopDelayMS, r, 0, delay) },
		"deleting_sticks":    func(r raw) string { return setBool(&s.DeletingSticks, r) },
		"start_failure_rate": func(r raw) string { return setShare(&s.StartFailureRate, r) },
		"capacity":           func(r raw) string { return setLimit(&s.Capacity, r) },
		"per_user_limit":     func(r raw) string { return setLimit(&s.PerUserLimit, r) },
		"licence_limit":      func(r raw) string { return setLimit(&s.LicenceLimit, r) },
		"keepalive_s":        func(r raw) string { return setWhole(&s.KeepaliveS, r, 1, delay/1000) },
		"keepalive_action":   func(r raw) string { return setWord(&s.KeepaliveAction, r, ActionDelete, ActionStop, ActionPause) },
		"time_limit_s":       func(r raw) string { return setOptional(&s.TimeLimitS, r, delay/1000) },
		"stop_calls":         func(r raw) string { return setWord(&s.StopCalls, r, StopAllowed, StopRefused, StopMissing) },
		"usage_reached":      func(r raw) string { return setBool(&s.UsageReached, r) },
		"error_rate":         func(r raw) string { return setShare(&s.ErrorRate, r) },
		"error_style": func(r raw) string {
			return setWord(&s.ErrorStyle, r, StyleJSON, StyleHTML500, StyleOKError, StyleMixed)
		},
		"refusal_style":   func(r raw) string { return setWord(&s.RefusalStyle, r, StyleSeen, StyleJSON, StyleOKError, StyleMixed) },
		"lost_rate":       func(r raw) string { return setShare(&s.LostRate, r) },
		"latency_ms":      func(r raw) string { return setWhole(&s.LatencyMS, r, 0, maxLatency.Milliseconds()) },
		"memory_field":    func(r raw) string { return setWord(&s.MemoryField, r, MemoryOld, MemoryNew) },
		"auth":            func(r raw) string { return setWord(&s.Auth, r, AuthAny, AuthBody, AuthBasic) },
		"session_history": func(r raw) string { return setBool(&s.SessionHistory, r) },
		"unreachable":     func(r raw) string { return setBool(&s.Unreachable, r) },
	}
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func setWhole(to *int64, raw json.RawMessage, lowest, highest int64) string {
	var v int64
	if isNull(raw) || json.Unmarshal(raw, &v) != nil || v < lowest || v > highest {
		return fmt.Sprintf("Give a whole number from %d to %d.", lowest, highest)
	}
	*to = v
	return ""
}

// setLimit takes null and -1 as "no limit".
func setLimit(to *int, raw json.RawMessage) string {
	v := int64(NoLimit)
	if !isNull(raw) {
		if problem := setWhole(&v, raw, NoLimit, 1_000_000_000); problem != "" {
			return "Give a whole number, or -1 for no limit."
		}
	}
	*to = int(v)
	return ""
}

// setOptional takes null and -1 as "none of its own".
func setOptional(to *int64, raw json.RawMessage, highest int64) string {
	v := int64(Unset)
	if !isNull(raw) {
		if problem := setWhole(&v, raw, Unset, highest); problem != "" {
			return fmt.Sprintf("Give a whole number up to %d, or -1 for none.", highest)
		}
	}
	*to = v
	return ""
}

func setShare(to *float64, raw json.RawMessage) string {
	var v float64
	if isNull(raw) || json.Unmarshal(raw, &v) != nil || v < 0 || v > 1 {
		return "Give a number from 0 to 1."
	}
	*to = v
	return ""
}

func setWord(to *string, raw json.RawMessage, allowed ...string) string {
	var v string
	if json.Unmarshal(raw, &v) != nil || !slices.Contains(allowed, v) {
		return fmt.Sprintf("Give one of %q.", allowed)
	}
	*to = v
	return ""
}

func setBool(to *bool, raw json.RawMessage) string {
	var v bool
	if isNull(raw) || json.Unmarshal(raw, &v) != nil {
		return "Give true or false."
	}
	*to = v
	return ""
}
