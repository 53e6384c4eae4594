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
)

// Names of the field that holds an amount of memory.
const (
	MemoryOld = "memory"
	MemoryNew = "memory_bytes" // since 1.19
)

// NoLimit as a capacity or limit; 0 means that nothing at all may start.
const NoLimit = -1

const (
	maxDelay   = 365 * 24 * time.Hour
	maxLatency = 10 * time.Minute
)

// Settings are the knobs of the simulator.
type Settings struct {
	StartDelayMS int64   `json:"start_delay_ms"`
	StopDelayMS  int64   `json:"stop_delay_ms"`
	Capacity     int     `json:"capacity"`
	PerUserLimit int     `json:"per_user_limit"`
	LicenceLimit int     `json:"licence_limit"`
	ErrorRate    float64 `json:"error_rate"` // share of API calls that fail, 0 to 1
	ErrorStyle   string  `json:"error_style"`
	LatencyMS    int64   `json:"latency_ms"`
	MemoryField  string  `json:"memory_field"`
	Unreachable  bool    `json:"unreachable"` // API calls are cut off without an answer
}

func defaultSettings() Settings {
	return Settings{
		StartDelayMS: 3000, StopDelayMS: 1000,
		Capacity: NoLimit, PerUserLimit: NoLimit, LicenceLimit: NoLimit,
		ErrorStyle: StyleJSON, MemoryField: MemoryOld,
	}
}

func (s Settings) startDelay() time.Duration { return time.Duration(s.StartDelayMS) * time.Millisecond }
func (s Settings) stopDelay() time.Duration  { return time.Duration(s.StopDelayMS) * time.Millisecond }
func (s Settings) latency() time.Duration    { return time.Duration(s.LatencyMS) * time.Millisecond }

// merge sets the named fields and returns what is wrong with them, by field. With
// anything wrong the result must not be used.
func (s Settings) merge(fields map[string]json.RawMessage) (Settings, map[string]string) {
	wrong := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if problem := s.set(name, fields[name]); problem != "" {
			wrong[name] = problem
		}
	}
	return s, wrong
}

func (s *Settings) set(name string, raw json.RawMessage) string {
	switch name {
	case "start_delay_ms":
		return setWhole(&s.StartDelayMS, raw, 0, maxDelay.Milliseconds())
	case "stop_delay_ms":
		return setWhole(&s.StopDelayMS, raw, 0, maxDelay.Milliseconds())
	case "latency_ms":
		return setWhole(&s.LatencyMS, raw, 0, maxLatency.Milliseconds())
	case "capacity":
		return setLimit(&s.Capacity, raw)
	case "per_user_limit":
		return setLimit(&s.PerUserLimit, raw)
	case "licence_limit":
		return setLimit(&s.LicenceLimit, raw)
	case "error_rate":
		return setShare(&s.ErrorRate, raw)
	case "error_style":
		return setWord(&s.ErrorStyle, raw, StyleJSON, StyleHTML500, StyleOKError)
	case "memory_field":
		return setWord(&s.MemoryField, raw, MemoryOld, MemoryNew)
	case "unreachable":
		return setBool(&s.Unreachable, raw)
	}
	return "There is no setting of this name."
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
