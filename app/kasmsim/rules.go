package kasmsim

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// rules are what a person's desktops live by: the simulator's settings, or what one
// of the person's groups says instead.
type rules struct {
	keepalive time.Duration
	after     state         // what becomes of a desktop when its time is up
	limit     time.Duration // negative when there is none
	perUser   int
}

// lasts is how long a desktop lives when nobody keeps it alive.
func (r rules) lasts() time.Duration {
	if r.limit >= 0 {
		return r.limit
	}
	return r.keepalive
}

func (s *Sim) rules(userID string) rules {
	set := s.settings
	r := rules{keepalive: time.Duration(set.KeepaliveS) * time.Second, after: afterwards(set.KeepaliveAction), limit: Unset, perUser: set.PerUserLimit}
	if set.TimeLimitS >= 0 {
		r.limit = time.Duration(set.TimeLimitS) * time.Second
	}
	if seconds, ok := s.ruledNumber(userID, "keepalive_expiration"); ok && seconds > 0 {
		r.keepalive = time.Duration(seconds * float64(time.Second))
	}
	if raw, ok := s.ruled(userID, "keepalive_expiration_action"); ok {
		r.after = afterwards(strings.Trim(string(raw), `"`))
	}
	if seconds, ok := s.ruledNumber(userID, "session_time_limit"); ok && seconds > 0 {
		r.limit = time.Duration(seconds * float64(time.Second))
	}
	if n, ok := s.ruledNumber(userID, "max_kasms_per_user"); ok {
		r.perUser = int(n)
	}
	return r
}

func afterwards(action string) state {
	switch action {
	case ActionStop:
		return stopped
	case ActionPause:
		return paused
	}
	return gone
}

// ruled finds a setting in the person's groups; the lowest priority number wins.
func (s *Sim) ruled(userID, name string) (json.RawMessage, bool) {
	u, known := s.users[userID]
	if !known || len(u.Groups) == 0 && len(s.groups[allUsers].Settings) == 0 {
		return nil, false
	}
	for _, g := range s.groupsOf(u) {
		if raw, set := g.Settings[name]; set {
			return raw, true
		}
	}
	return nil, false
}

// ruledNumber reads a number, also one written as a string. What is no number, or
// larger than any time or count may be, counts as not set.
func (s *Sim) ruledNumber(userID, name string) (float64, bool) {
	raw, set := s.ruled(userID, name)
	if !set {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	return n, err == nil && n >= 0 && n <= maxDelay.Seconds()
}

// clientSettings say what a desktop's viewer may do.
type clientSettings struct {
	allowed map[string]bool
	idle    float64 // minutes
}

func viewerRights() []string {
	return []string{"allow_kasm_audio", "allow_kasm_uploads", "allow_kasm_downloads", "allow_kasm_clipboard_up", "allow_kasm_clipboard_down",
		"allow_kasm_clipboard_seamless", "allow_kasm_microphone", "allow_kasm_sharing", "allow_persistent_profile"}
}

func (s *Sim) clientSettings(userID string) clientSettings {
	c := clientSettings{idle: 20}
	if minutes, ok := s.ruledNumber(userID, "idle_disconnect"); ok {
		c.idle = minutes
	}
	for _, name := range viewerRights() {
		if raw, ok := s.ruled(userID, name); ok && strings.EqualFold(strings.Trim(string(raw), `"`), "true") {
			if c.allowed == nil {
				c.allowed = map[string]bool{}
			}
			c.allowed[name] = true
		}
	}
	return c
}

// MarshalJSON writes idle_disconnect as the float that Kasm sends, 20.0 and not 20.
func (c clientSettings) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for _, name := range viewerRights() {
		b = append(strconv.AppendBool(append(strconv.AppendQuote(b, name), ':'), c.allowed[name]), ',')
	}
	idle := strconv.FormatFloat(c.idle, 'f', -1, 64)
	if !strings.Contains(idle, ".") {
		idle += ".0"
	}
	return append(append(b, `"idle_disconnect":`...), idle+"}"...), nil
}

// happens decides by chance; share is from 0 to 1.
func happens(share float64) bool { return share > 0 && rand.Float64() < share }
