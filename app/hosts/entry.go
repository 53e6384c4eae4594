package hosts

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/ezscale/ezscale/app/fail"
)

// Entry is a host as an operator or the configuration names it.
type Entry struct {
	Name      string
	Kind      string
	URL       string
	Key       string
	Secret    string // "" keeps the one that is there
	Auth      string // body (default) or basic; Kasm only
	Insecure  bool
	Simulator bool
	Zone      string
	Capacity  int // 0 for as many as the host itself says
	Options   Options
}

// Limits of what a host's fields may hold.
const (
	maxName     = 60
	maxURL      = 300
	maxKey      = 200
	maxZone     = 60
	MaxCapacity = 100_000

	// LocalDocker is where an engine on this machine listens.
	LocalDocker = "unix:///var/run/docker.sock"
)

// tidy takes away what surrounds the fields, and fills in what was left out.
func (e Entry) tidy() Entry {
	for _, field := range []*string{&e.Name, &e.Kind, &e.URL, &e.Key, &e.Secret, &e.Auth, &e.Zone, &e.Options.ImageTag} {
		*field = strings.TrimSpace(*field)
	}
	if e.Kind == "" {
		e.Kind = Kasm
	}
	if e.Auth == "" {
		e.Auth = "body"
	}
	if e.Kind == Docker {
		e.Auth = "body"
		if e.URL == "" {
			e.URL = LocalDocker
		}
	} else {
		e.Options = Options{}
	}
	if e.Kind == Kasm {
		e.URL = strings.TrimRight(e.URL, "/")
	}
	return e
}

// check says what is wrong with the fields. needSecret: there is none to keep.
func (e Entry) check(makers map[string]Maker, needSecret bool) error {
	wrong := fail.Fields{}
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*$`)
	switch {
	case e.Name == "":
		wrong.Add("name", "Give the host a name, such as frankfurt-1.")
	case len(e.Name) > maxName || !name.MatchString(e.Name):
		wrong.Add("name", "Use up to %d letters, digits, spaces, dots and dashes.", maxName)
	}
	if e.Kind != Kasm && e.Kind != Docker {
		wrong.Add("driver", "Choose Kasm or Docker.")
	} else if makers[e.Kind] == nil {
		wrong.Add("driver", "This program has no driver for hosts of this kind.")
	}
	if text := wrongURL(e.Kind, e.URL); text != "" {
		wrong.Add("url", "%s", text)
	}
	e.checkKey(wrong, needSecret)
	if len(e.Zone) > maxZone || strings.ContainsFunc(e.Zone, unicode.IsControl) {
		wrong.Add("zone", "Name the zone in at most %d characters.", maxZone)
	}
	if e.Capacity < 0 || e.Capacity > MaxCapacity {
		wrong.Add("capacity", "Write a number from 0 to %d; 0 is as many as the host itself allows.", MaxCapacity)
	}
	if tag := regexp.MustCompile(`^\w[\w.-]{0,127}$`); e.Options.ImageTag != "" && !tag.MatchString(e.Options.ImageTag) {
		wrong.Add("image_tag", "A tag is made of letters, digits, dots and dashes, such as 1.19.0.")
	}
	return wrong.Err()
}

func (e Entry) checkKey(wrong fail.Fields, needSecret bool) {
	if e.Auth != "body" && e.Auth != "basic" {
		wrong.Add("auth", "Choose body or basic.")
	}
	for field, value := range map[string]string{"api_key": e.Key, "api_key_secret": e.Secret} {
		if len(value) > maxKey || strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
			wrong.Add(field, "This is no key: it holds a space, or is longer than %d characters.", maxKey)
		}
	}
	if e.Kind != Kasm {
		return
	}
	if e.Key == "" {
		wrong.Add("api_key", "Give the API key, which Kasm makes under Settings, Developers.")
	}
	if e.Secret == "" && needSecret {
		wrong.Add("api_key_secret", "Give the secret that Kasm showed with the key.")
	}
}

// wrongURL says what is wrong with a host's address, or "".
func wrongURL(kind, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsFunc(raw, unicode.IsControl) {
		return "This address cannot be used: give scheme and host alone, without user, query or fragment."
	}
	plain := u.Path == "" || u.Path == "/"
	if kind == Docker {
		own := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"
		if u.Scheme == "unix" && u.Host == "" && len(u.Path) > 1 || u.Scheme == "tcp" && own && plain {
			return ""
		}
		return "The engine has to be on this machine: write " + LocalDocker + " or tcp://127.0.0.1:2375."
	}
	if (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && plain {
		return ""
	}
	return "Write the server's address as https://kasm.example.com, without a path."
}

// changed names the fields in which two entries differ, for the audit log.
func (e Entry) changed(h Host) []string {
	var fields []string
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"url", e.URL != h.URL}, {"api_key", e.Key != h.Key}, {"api_key_secret", e.Secret != ""}, {"auth", e.Auth != h.Auth}, {"insecure", e.Insecure != h.Insecure},
		{"zone", e.Zone != h.Zone}, {"capacity", e.Capacity != h.Capacity}, {"image_tag", e.Options.ImageTag != h.Options.ImageTag},
	} {
		if f.is {
			fields = append(fields, f.name)
		}
	}
	return fields
}
