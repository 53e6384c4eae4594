package kasmsim

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// administrators is Kasm's other built-in group. Its id here is our own.
const administrators = "31aff63c9a1f4f6d8d2b8c0b0a5c7e11"

// group is one of Kasm's groups: what its members may start, and the rules that
// their desktops live by.
type group struct {
	ID          string                     `json:"id"`
	Name        string                     `json:"name"`
	Description string                     `json:"description,omitempty"`
	Priority    int                        `json:"priority"`
	System      bool                       `json:"system,omitempty"`
	AllImages   bool                       `json:"all_images,omitempty"`
	Images      map[string]bool            `json:"images,omitempty"`
	Settings    map[string]json.RawMessage `json:"settings,omitempty"`
}

func systemGroups() map[string]*group {
	return map[string]*group{
		allUsers:       {ID: allUsers, Name: "All Users", Description: "All registered users", Priority: 4096, System: true, AllImages: true},
		administrators: {ID: administrators, Name: "Administrators", Description: "Administrators", Priority: 1, System: true, AllImages: true},
	}
}

type targetGroup struct {
	GroupID     string  `json:"group_id"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Priority    *int    `json:"priority"`
}

type targetSetting struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

type wireGroupFull struct {
	ID          string                     `json:"group_id"`
	Name        string                     `json:"name"`
	Description string                     `json:"description"`
	Priority    int                        `json:"priority"`
	System      bool                       `json:"is_system"`
	Settings    map[string]json.RawMessage `json:"settings"`
}

func (g *group) wire() wireGroupFull {
	return wireGroupFull{ID: g.ID, Name: g.Name, Description: g.Description, Priority: g.Priority, System: g.System, Settings: g.Settings}
}

// groupsOf gives a person's groups, the one whose settings win first.
func (s *Sim) groupsOf(u *user) []*group {
	found := []*group{s.groups[allUsers]}
	for _, id := range u.Groups {
		if g, known := s.groups[id]; known {
			found = append(found, g)
		}
	}
	return byPriority(found)
}

func byPriority(groups []*group) []*group {
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), strings.Compare(a.ID, b.ID))
	})
	return groups
}

// mayStart tells whether one of the person's groups offers the image.
func (s *Sim) mayStart(u *user, imageID string) bool {
	return slices.ContainsFunc(s.groupsOf(u), func(g *group) bool { return g.AllImages || g.Images[imageID] })
}

// targetOf finds the group that a call names; an id that is none of ours is refused.
func (s *Sim) targetOf(t targetGroup) (*group, *reply) {
	id, valid := canonical(t.GroupID)
	if t.GroupID != "" && !valid {
		r := crash()
		return nil, &r
	}
	g, known := s.groups[id]
	if !known {
		r := refuse(invalidRequest)
		return nil, &r
	}
	return g, nil
}

// changeGroup puts a changed copy of a group in its place.
func (s *Sim) changeGroup(g *group, change func(*group)) {
	changed := *g
	changed.Images, changed.Settings = maps.Clone(g.Images), maps.Clone(g.Settings)
	change(&changed)
	s.groups[g.ID] = &changed
	mark(&s.change.Groups, g.ID)
}

func (s *Sim) getGroups(instant, input) reply {
	wire := []wireGroupFull{}
	for _, g := range byPriority(slices.Collect(maps.Values(s.groups))) {
		wire = append(wire, g.wire())
	}
	return ok(map[string]any{"groups": wire})
}

func (s *Sim) createGroup(_ instant, in input) reply {
	name := trimmed(in.TargetGroup.Name)
	if name == "" {
		return refuseWith(400, invalidRequest)
	}
	for _, g := range s.groups {
		if strings.EqualFold(g.Name, name) {
			return refuse("Group already exists")
		}
	}
	g := &group{ID: newID(), Priority: 100}
	in.TargetGroup.applyTo(g)
	s.groups[g.ID] = g
	mark(&s.change.Groups, g.ID)
	return ok(map[string]any{"group": g.wire()})
}

func (t targetGroup) applyTo(g *group) {
	if name := trimmed(t.Name); name != "" {
		g.Name = name
	}
	if t.Description != nil {
		g.Description = *t.Description
	}
	if t.Priority != nil {
		g.Priority = *t.Priority
	}
}

func (s *Sim) updateGroup(_ instant, in input) reply {
	return s.onGroup(in, func(g *group) *reply {
		in.TargetGroup.applyTo(g)
		return nil
	})
}

// onGroup changes a group as fn says. A built-in one needs a permission of its own.
func (s *Sim) onGroup(in input, fn func(*group) *reply) reply {
	g, failed := s.targetOf(in.TargetGroup)
	if failed != nil {
		return *failed
	}
	if g.System && !in.grant.has(permGroupsModifySystem) {
		return unauthorized()
	}
	s.changeGroup(g, func(changed *group) { failed = fn(changed) })
	if failed != nil {
		s.groups[g.ID] = g
		return *failed
	}
	return ok(map[string]any{"group": s.groups[g.ID].wire()})
}

func (s *Sim) deleteGroup(_ instant, in input) reply {
	g, failed := s.targetOf(in.TargetGroup)
	if failed != nil {
		return *failed
	}
	if g.System {
		return refuse("Unable to delete a system group")
	}
	for _, u := range s.users {
		s.leave(u, g.ID)
	}
	delete(s.groups, g.ID)
	mark(&s.change.Groups, g.ID)
	return ok(struct{}{})
}

func (s *Sim) leave(u *user, groupID string) {
	if !slices.Contains(u.Groups, groupID) {
		return
	}
	changed := *u
	changed.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(id string) bool { return id == groupID })
	s.putUser(&changed)
	s.touchUser(u.ID)
}

func (s *Sim) addUserGroup(_ instant, in input) reply {
	return s.membership(in, func(u *user, g *group) reply {
		if g.ID != allUsers && !slices.Contains(u.Groups, g.ID) {
			changed := *u
			changed.Groups = append(slices.Clone(u.Groups), g.ID)
			s.putUser(&changed)
			s.touchUser(u.ID)
		}
		return ok(struct{}{})
	})
}

// removeUserGroup leaves everybody in All Users, as Kasm does.
func (s *Sim) removeUserGroup(_ instant, in input) reply {
	return s.membership(in, func(u *user, g *group) reply {
		if g.ID == allUsers {
			return refuse("Unable to remove a user from this group")
		}
		s.leave(u, g.ID)
		return ok(struct{}{})
	})
}

func (s *Sim) membership(in input, fn func(*user, *group) reply) reply {
	u, failed := s.target(in.TargetUser)
	if failed != nil {
		return *failed
	}
	g, failed := s.targetOf(in.TargetGroup)
	if failed != nil {
		return *failed
	}
	if g.System && !in.grant.has(permGroupsModifySystem) {
		return unauthorized()
	}
	return fn(u, g)
}

func (s *Sim) getUsersGroup(_ instant, in input) reply {
	g, failed := s.targetOf(in.TargetGroup)
	if failed != nil {
		return *failed
	}
	wire := []wireUser{}
	for _, u := range s.people() {
		if g.ID == allUsers || slices.Contains(u.Groups, g.ID) {
			wire = append(wire, s.wireUser(u))
		}
	}
	return ok(map[string]any{"users": wire})
}

func (s *Sim) getImagesGroup(_ instant, in input) reply {
	g, failed := s.targetOf(in.TargetGroup)
	if failed != nil {
		return *failed
	}
	wire := []wireImage{}
	for _, img := range s.images {
		if g.AllImages || g.Images[img.ID] {
			wire = append(wire, s.wireImage(img))
		}
	}
	return ok(map[string]any{"images": wire})
}

func (s *Sim) addImagesGroup(_ instant, in input) reply {
	return s.offer(in, true)
}

func (s *Sim) removeImagesGroup(_ instant, in input) reply {
	return s.offer(in, false)
}

// offer changes which images a group offers. A group that offers all begins to list
// them when the first is taken away.
func (s *Sim) offer(in input, offered bool) reply {
	img, failed := s.targetImage(in.TargetImage)
	if failed != nil {
		return *failed
	}
	return s.onGroup(in, func(g *group) *reply {
		if g.Images == nil {
			g.Images = map[string]bool{}
		}
		if g.AllImages && !offered {
			g.AllImages = false
			for _, each := range s.images {
				g.Images[each.ID] = true
			}
		}
		if offered {
			g.Images[img.ID] = true
		} else {
			delete(g.Images, img.ID)
		}
		return nil
	})
}

func (s *Sim) addSettingsGroup(_ instant, in input) reply {
	return s.onGroup(in, func(g *group) *reply {
		if in.TargetSetting.Name == "" || len(in.TargetSetting.Value) == 0 {
			r := refuse(invalidRequest)
			return &r
		}
		if g.Settings == nil {
			g.Settings = map[string]json.RawMessage{}
		}
		g.Settings[in.TargetSetting.Name] = in.TargetSetting.Value
		return nil
	})
}
