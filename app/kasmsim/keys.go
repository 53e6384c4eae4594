package kasmsim

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kasm's permissions of a key, by the names that its pages show.
const (
	permUser               = "User"
	permAuthSession        = "Users Auth Session"
	permUsersView          = "Users View"
	permUsersCreate        = "Users Create"
	permUsersModify        = "Users Modify"
	permUsersDelete        = "Users Delete"
	permGroupsView         = "Groups View"
	permGroupsCreate       = "Groups Create"
	permGroupsModify       = "Groups Modify"
	permGroupsModifySystem = "Groups Modify System"
	permGroupsDelete       = "Groups Delete"
	permSessionsView       = "Sessions View"
	permSessionsModify     = "Sessions Modify"
	permImagesView         = "Images View"
	permImagesCreate       = "Images Create"
	permImagesModify       = "Images Modify"
	permImagesDelete       = "Images Delete"
	permZonesView          = "Zones View"
	permLicensesView       = "Licenses View"
	permAgentsView         = "Agents View"
	permReportsView        = "Reports View"
)

// Permissions gives every permission that the simulator knows.
func Permissions() []string {
	return []string{
		permUser, permAuthSession, permUsersView, permUsersCreate, permUsersModify, permUsersDelete,
		permGroupsView, permGroupsCreate, permGroupsModify, permGroupsModifySystem, permGroupsDelete,
		permSessionsView, permSessionsModify, permImagesView, permImagesCreate, permImagesModify, permImagesDelete,
		permZonesView, permLicensesView, permAgentsView, permReportsView,
	}
}

func unknownPermissions(names []string) []string {
	var unknown []string
	for _, name := range names {
		if !slices.Contains(Permissions(), name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// apiKey is a key beside the first one, or what the first one may do.
type apiKey struct {
	Secret      string   `json:"secret,omitempty"` // "" for the first key, whose secret is kept elsewhere
	Permissions []string `json:"permissions"`      // nil for all
	ReadOnly    bool     `json:"read_only,omitempty"`
}

// grant is what a caller's key may do.
type grant struct {
	permissions []string // nil for all
	readOnly    bool
}

func (g grant) has(permission string) bool {
	return g.permissions == nil || slices.Contains(g.permissions, permission)
}

func (g grant) covers(call route) bool {
	if g.readOnly && !call.reads {
		return false
	}
	return !slices.ContainsFunc(call.needs, func(p string) bool { return !g.has(p) })
}

// identify finds the key of a request, in its body or as HTTP Basic credentials,
// whichever the settings allow.
func (s *Sim) identify(r *http.Request, in input) (grant, bool) {
	key, secret := in.Key, in.Secret
	user, password, basic := r.BasicAuth()
	if basic {
		key, secret = user, password
	}
	if s.settings.Auth == AuthBasic && !basic || s.settings.Auth == AuthBody && basic {
		return grant{}, false
	}
	kept, known := s.keys[key]
	want := s.secret
	if key != s.key {
		if !known {
			return grant{}, false
		}
		want = kept.Secret
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(want)) != 1 {
		return grant{}, false
	}
	if !known {
		return grant{}, true
	}
	return grant{permissions: kept.Permissions, readOnly: kept.ReadOnly}, true
}

func unauthorized() reply { return refuseWith(http.StatusForbidden, "Unauthorized") }

type wireKey struct {
	Key         string   `json:"key"`
	Secret      string   `json:"secret,omitempty"` // only in the answer that makes it
	Permissions []string `json:"permissions"`      // null for all
	ReadOnly    bool     `json:"read_only"`
}

func (s *Sim) serveKeys(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, func(instant) reply {
		first := wireKey{Key: s.key}
		all := []wireKey{}
		for name, k := range s.keys {
			shown := wireKey{Key: name, Permissions: k.Permissions, ReadOnly: k.ReadOnly}
			if name == s.key {
				first = shown
				continue
			}
			all = append(all, shown)
		}
		slices.SortFunc(all, func(a, b wireKey) int { return strings.Compare(a.Key, b.Key) })
		return ok(map[string]any{"keys": append([]wireKey{first}, all...)})
	})
}

// changeKey makes a key, or changes what one may do. Without a name it is the
// simulator's first key.
func (s *Sim) changeKey(w http.ResponseWriter, r *http.Request) {
	fields, read := object(w, r)
	if !read {
		return
	}
	wanted, wrong := readKey(fields)
	if len(wrong) > 0 {
		write(w, unprocessable(wrong))
		return
	}
	s.answer(w, func(instant) reply { return s.setKey(wanted) })
}

func readKey(fields map[string]json.RawMessage) (wireKey, map[string]string) {
	var k wireKey
	wrong := map[string]string{}
	for name, raw := range fields {
		var err error
		switch name {
		case "key":
			err = json.Unmarshal(raw, &k.Key)
		case "secret":
			err = json.Unmarshal(raw, &k.Secret)
		case "read_only":
			err = json.Unmarshal(raw, &k.ReadOnly)
		case "permissions":
			err = json.Unmarshal(raw, &k.Permissions)
			if unknown := unknownPermissions(k.Permissions); err == nil && len(unknown) > 0 {
				wrong[name] = fmt.Sprintf("There is no permission %q; there are %q.", unknown, Permissions())
			}
		default:
			wrong[name] = "There is no field of this name."
		}
		if err != nil {
			wrong[name] = "This value is of another type."
		}
	}
	return k, wrong
}

func (s *Sim) setKey(k wireKey) reply {
	kept := &apiKey{Permissions: k.Permissions, ReadOnly: k.ReadOnly}
	answer := wireKey{Key: k.Key, Permissions: k.Permissions, ReadOnly: k.ReadOnly}
	switch old := s.keys[k.Key]; {
	case k.Key == "" || k.Key == s.key:
		if k.Secret != "" {
			return unprocessable(map[string]string{"secret": "The secret of the first key is given at the start."})
		}
		answer.Key = s.key
	case k.Secret != "":
		kept.Secret = k.Secret
	case old != nil:
		kept.Secret = old.Secret
	default:
		kept.Secret = randomHex(16)
		answer.Secret = kept.Secret
	}
	s.keys[answer.Key] = kept
	mark(&s.change.Keys, answer.Key)
	return ok(answer)
}

func (s *Sim) removeKey(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	s.answer(w, func(instant) reply {
		if _, known := s.keys[key]; !known || key == s.key {
			return refuseWith(http.StatusNotFound, "There is no such key beside the first one")
		}
		delete(s.keys, key)
		mark(&s.change.Keys, key)
		return ok(struct{}{})
	})
}

type keyFile struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// takeKey uses the given key, else the one kept in dir, else a new one.
func (s *Sim) takeKey(dir string) error {
	if s.key != "" && s.secret != "" {
		return nil
	}
	s.key, s.secret = randomHex(6), randomHex(16)
	if dir == "" {
		return nil
	}
	path := filepath.Join(dir, "key.json")
	raw, err := os.ReadFile(path)
	if err == nil {
		var kept keyFile
		if json.Unmarshal(raw, &kept) == nil && kept.Key != "" && kept.Secret != "" {
			s.key, s.secret = kept.Key, kept.Secret
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("kasmsim: read the key: %w", err)
	}
	raw, err = json.Marshal(keyFile{Key: s.key, Secret: s.secret})
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("kasmsim: keep the key: %w", err)
	}
	return nil
}
