package kasmsim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// allUsers is Kasm's built-in group.
const allUsers = "68d557ac4cac42cca9f31c7c853de0f3"

const invalidRequest = "Invalid Request"

// user is a person. Passwords are not kept: nobody signs in here.
type user struct {
	ID           string         `json:"id"`
	Username     string         `json:"username"`
	FirstName    string         `json:"first_name"`
	LastName     string         `json:"last_name"`
	Organization string         `json:"organization"`
	Phone        string         `json:"phone"`
	Locked       bool           `json:"locked"`
	Disabled     bool           `json:"disabled"`
	Created      time.Time      `json:"created"`
	Groups       []string       `json:"groups,omitempty"` // beside All Users
	Attributes   map[string]any `json:"attributes,omitempty"`
}

func nameKey(username string) string { return strings.ToLower(username) }

func (s *Sim) putUser(u *user) {
	if old, ok := s.users[u.ID]; ok {
		delete(s.names, nameKey(old.Username))
	}
	s.users[u.ID] = u
	s.names[nameKey(u.Username)] = u.ID
}

func (s *Sim) dropUser(id string) {
	if old, ok := s.users[id]; ok {
		delete(s.names, nameKey(old.Username))
		delete(s.users, id)
	}
}

func (s *Sim) touchUser(id string) {
	mark(&s.change.Users, id)
}

func (s *Sim) createUser(now instant, in input) reply {
	name := trimmed(in.TargetUser.Username)
	if name == "" {
		return refuseWith(400, invalidRequest)
	}
	if _, taken := s.names[nameKey(name)]; taken {
		return refuse("User already exists")
	}
	u := s.addUser(now, name)
	in.TargetUser.applyTo(u)
	return ok(map[string]any{"user": s.wireUser(u)})
}

func (s *Sim) addUser(now instant, name string) *user {
	u := &user{ID: newID(), Username: name, Created: now.sim}
	s.putUser(u)
	s.touchUser(u.ID)
	return u
}

// applyTo sets the fields that were sent, the username aside.
func (t targetUser) applyTo(u *user) {
	for _, f := range []struct {
		to   *string
		from *string
	}{{&u.FirstName, t.FirstName}, {&u.LastName, t.LastName}, {&u.Organization, t.Organization}, {&u.Phone, t.Phone}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if t.Locked != nil {
		u.Locked = *t.Locked
	}
	if t.Disabled != nil {
		u.Disabled = *t.Disabled
	}
}

// target finds the person that a call names by id or by username.
func (s *Sim) target(t targetUser) (*user, *reply) {
	id := s.names[nameKey(trimmed(t.Username))]
	if t.UserID != "" {
		parsed, valid := canonical(t.UserID)
		if !valid {
			r := crash()
			return nil, &r
		}
		id = parsed
	}
	u, known := s.users[id]
	if !known {
		r := refuse(invalidRequest)
		return nil, &r
	}
	return u, nil
}

func (s *Sim) getUser(_ instant, in input) reply {
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	return ok(map[string]any{"user": s.wireUser(u)})
}

// people gives everybody, the oldest account first.
func (s *Sim) people() []*user {
	all := slices.Collect(maps.Values(s.users))
	slices.SortFunc(all, func(a, b *user) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return all
}

func (s *Sim) getUsers(instant, input) reply {
	all := s.people()
	owned := map[string][]*desktop{}
	for _, d := range s.sorted() {
		owned[d.UserID] = append(owned[d.UserID], d)
	}
	wire := make([]wireUser, 0, len(all))
	for _, u := range all {
		wire = append(wire, s.wireUserWith(u, owned[u.ID]))
	}
	return ok(map[string]any{"users": wire})
}

func (s *Sim) updateUser(_ instant, in input) reply {
	if in.TargetUser.UserID == "" {
		return refuse(invalidRequest)
	}
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	changed := *u
	if name := trimmed(in.TargetUser.Username); name != "" && nameKey(name) != nameKey(u.Username) {
		if _, taken := s.names[nameKey(name)]; taken {
			return refuse("User already exists")
		}
		changed.Username = name
	}
	in.TargetUser.applyTo(&changed)
	s.putUser(&changed)
	s.touchUser(u.ID)
	return ok(map[string]any{"user": s.wireUser(&changed)})
}

// deleteUser refuses while the person has desktops, unless forced.
func (s *Sim) deleteUser(now instant, in input) reply {
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	owned := s.owned(u.ID)
	if len(owned) > 0 && !in.Force {
		return refuse("The user has active sessions. Delete them first, or use force.")
	}
	for _, d := range owned {
		s.finish(d, now, EndedByDestroy)
	}
	s.dropUser(u.ID)
	s.touchUser(u.ID)
	return ok(struct{}{})
}

// logoutUser ends every link to the person's desktops.
func (s *Sim) logoutUser(_ instant, in input) reply {
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	for _, d := range s.owned(u.ID) {
		d.Token = newToken()
		s.touch(d)
	}
	return ok(struct{}{})
}

func (s *Sim) getAttributes(_ instant, in input) reply {
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	attributes := defaultAttributes()
	maps.Copy(attributes, u.Attributes)
	attributes["user_attributes_id"], attributes["user_id"] = u.ID, u.ID
	return ok(map[string]any{"user_attributes": attributes})
}

func defaultAttributes() map[string]any {
	return map[string]any{
		"ssh_public_key": nil, "show_tips": true, "theme": "Auto", "preferred_language": "Auto", "preferred_timezone": "Auto",
		"toggle_control_panel": false, "default_image": nil, "auto_login_kasm": nil,
	}
}

// updateAttributes changes the fields it knows and passes over the others.
func (s *Sim) updateAttributes(_ instant, in input) reply {
	id, _ := in.TargetAttributes["user_id"].(string)
	if id == "" {
		return refuse(invalidRequest)
	}
	u, failed := s.target(targetUser{UserID: id})
	if failed != nil {
		return *failed
	}
	changed := *u
	changed.Attributes = maps.Clone(u.Attributes)
	if changed.Attributes == nil {
		changed.Attributes = map[string]any{}
	}
	for name := range defaultAttributes() {
		if value, sent := in.TargetAttributes[name]; sent {
			changed.Attributes[name] = value
		}
	}
	s.putUser(&changed)
	s.touchUser(u.ID)
	return ok(struct{}{})
}

func (s *Sim) owned(userID string) []*desktop {
	return s.which(func(d *desktop) bool { return d.UserID == userID })
}
