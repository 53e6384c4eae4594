package kasm

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	// groupFor is how long a plan's group is believed to be as it was left.
	groupFor = time.Hour
	// noGroupsFor is how long a key that may not look after groups is not tried again.
	noGroupsFor = 10 * time.Minute
	// groupsFor is how long the list of all groups is: a server may have thousands.
	groupsFor = time.Minute
	// groupPrefix marks the groups that are ours.
	groupPrefix = "ez."

	// leastKeepalive is how long a desktop must live without a sign of life: ours
	// comes at the start of each block, the longest of which is an hour.
	leastKeepalive = 2 * time.Hour
	// longestLimit stands for no limit in a group that once had one: Kasm counts a
	// limit of 0 as one, and has no call to take a setting away.
	longestLimit = 365 * 24 * time.Hour

	groupPriority = 100
	maxMembers    = 50_000
)

// plans is what is known of the groups that hold the rights of plans.
type plans struct {
	mu      sync.Mutex
	groups  map[string]*planGroup
	members map[string]member // by user
	listed  map[string]Group  // every group of the server, by its name in lower case
	until   time.Time         // of the list
	refused time.Time         // until when the key is not tried
	warned  bool
}

// planGroup is one plan's group on the server. Its lock is held while it is brought
// up to date, so that starts of the same plan do it once.
type planGroup struct {
	mu       sync.Mutex
	id       string
	settings map[string]string
	images   map[string]bool
	until    time.Time
}

// member is which of our groups a customer is in.
type member struct {
	groups []string // ids
	until  time.Time
}

func (p *plans) group(name string) *planGroup {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.groups == nil {
		p.groups = map[string]*planGroup{}
	}
	if p.groups[name] == nil {
		p.groups[name] = &planGroup{}
	}
	return p.groups[name]
}

// forget drops what is believed of a group and of a customer's membership.
func (p *plans) forget(group, user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, group)
	delete(p.members, user)
	p.until = time.Time{}
}

// admit makes sure that the plan's group exists with the plan's rights, offers the
// image and has the customer as a member. What is known to be so costs no call. A
// key that may not look after groups starts desktops all the same, with the rights
// that the server's own groups give.
func (d *Driver) admit(ctx context.Context, w workspaces.Wish) error {
	if w.Rights.Group == "" || d.plans.closed(d.now()) {
		return nil
	}
	err := d.enrol(ctx, w)
	if KindOf(err) == KindNotFound { // somebody deleted the group, or the customer
		d.plans.forget(w.Rights.Group, w.UserID)
		err = d.enrol(ctx, w)
	}
	switch {
	case forbidden(err):
		d.withoutGroups(ctx, err)
		return nil
	case refused(err) && !w.Rights.Restrict():
		// The group would forbid nothing, so a server that has other words for
		// groups than we know need not keep anybody from working.
		d.log.DebugContext(ctx, "a plan's group could not be looked after", "group", w.Rights.Group, "error", err)
		return nil
	}
	return err
}

func (p *plans) closed(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.refused)
}

func (d *Driver) withoutGroups(ctx context.Context, err error) {
	d.plans.mu.Lock()
	d.plans.refused = d.now().Add(noGroupsFor)
	first := !d.plans.warned
	d.plans.warned = true
	d.plans.mu.Unlock()
	if first {
		d.log.WarnContext(ctx, "Kasm's key may not look after groups, so the rights of plans are not set there: give it Groups View, Groups Create and Groups Modify", "error", err)
	}
}

func (d *Driver) enrol(ctx context.Context, w workspaces.Wish) error {
	id, err := d.prepare(ctx, w.Rights, w.ImageID)
	if err != nil {
		return err
	}
	return d.join(ctx, w.UserID, id)
}

// prepare brings a plan's group up to date and returns its id.
func (d *Driver) prepare(ctx context.Context, r workspaces.Rights, imageID string) (string, error) {
	g := d.plans.group(r.Group)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !d.now().Before(g.until) {
		if err := d.findGroup(ctx, g, r); err != nil {
			return "", err
		}
		g.until = d.now().Add(groupFor)
	}
	for _, s := range wanted(r, g.settings) {
		if err := d.client.SetGroupSetting(ctx, g.id, s.name, s.value); err != nil {
			return "", err
		}
		g.settings[s.name] = s.value
	}
	if g.images[imageID] {
		return g.id, nil
	}
	if err := d.client.AddGroupImage(ctx, g.id, imageID); err != nil && KindOf(err) != KindConflict {
		return "", err
	}
	g.images[imageID] = true
	return g.id, nil
}

// findGroup reads a plan's group, or makes it.
func (d *Driver) findGroup(ctx context.Context, g *planGroup, r workspaces.Rights) error {
	found, err := d.groupNamed(ctx, r.Group, false)
	if err == nil && found.ID == "" {
		found, err = d.client.CreateGroup(ctx, NewGroup{Name: r.Group, Description: "Rights of one plan; looked after by EZSCALE", Priority: groupPriority})
		if KindOf(err) == KindConflict { // another process was quicker
			found, err = d.groupNamed(ctx, r.Group, true)
		}
	}
	if err != nil {
		return err
	}
	g.id, g.settings, g.images = found.ID, map[string]string{}, map[string]bool{}
	for name, value := range found.Settings {
		g.settings[name] = value
	}
	images, err := d.client.GroupImages(ctx, g.id)
	if err != nil && !forbidden(err) {
		return err
	}
	for _, id := range images {
		g.images[id] = true
	}
	return nil
}

// groupNamed finds a group; one without an id is none.
func (d *Driver) groupNamed(ctx context.Context, name string, anew bool) (Group, error) {
	p := &d.plans
	p.mu.Lock()
	listed, until := p.listed, p.until
	p.mu.Unlock()
	if anew || !d.now().Before(until) {
		groups, err := d.client.Groups(ctx)
		if err != nil {
			return Group{}, err
		}
		listed = make(map[string]Group, len(groups))
		for _, g := range groups {
			listed[strings.ToLower(g.Name)] = g
		}
		p.mu.Lock()
		p.listed, p.until = listed, d.now().Add(groupsFor)
		p.mu.Unlock()
	}
	return listed[strings.ToLower(name)], nil
}

type namedSetting struct{ name, value string }

// wanted gives the settings of a group that are not yet what the plan's rights say.
// A time limit is set only where the plan has one: a present 0 counts as a limit.
func wanted(r workspaces.Rights, have map[string]string) (missing []namedSetting) {
	word := map[bool]string{true: "True", false: "False"}
	all := []namedSetting{
		{"allow_kasm_clipboard_up", word[r.Clipboard]}, {"allow_kasm_clipboard_down", word[r.Clipboard]}, {"allow_kasm_clipboard_seamless", word[r.Clipboard]},
		{"allow_kasm_uploads", word[r.Upload]}, {"allow_kasm_downloads", word[r.Download]}, {"allow_persistent_profile", word[true]},
	}
	if seconds(have["keepalive_expiration"]) < leastKeepalive {
		all = append(all, namedSetting{"keepalive_expiration", inSeconds(leastKeepalive)})
	}
	_, limited := have["session_time_limit"]
	if r.MaxSession > 0 {
		all = append(all, namedSetting{"session_time_limit", inSeconds(r.MaxSession)})
	} else if limited {
		all = append(all, namedSetting{"session_time_limit", inSeconds(longestLimit)})
	}
	for _, s := range all {
		if !strings.EqualFold(strings.TrimSpace(have[s.name]), s.value) {
			missing = append(missing, s)
		}
	}
	return missing
}

func inSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// seconds reads a setting; what is no number is 0.
func seconds(value string) time.Duration {
	var n number
	_ = n.UnmarshalJSON([]byte(strings.TrimSpace(value)))
	return time.Duration(min(n.int64(), int64(longestLimit/time.Second))) * time.Second
}

// join makes a customer a member of a plan's group. Of the groups of other plans
// they are taken out while they have no desktop, since Kasm applies the rights of
// all of a person's groups to each of their desktops.
func (d *Driver) join(ctx context.Context, userID, groupID string) error {
	if d.plans.belongs(userID, groupID, d.now()) {
		return nil
	}
	u, err := d.client.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	groups, member := []string{groupID}, false
	for _, g := range u.Groups {
		switch {
		case g.ID == groupID:
			member = true
		case !strings.HasPrefix(strings.ToLower(g.Name), groupPrefix):
		case len(u.KasmIDs) > 0:
			groups = append(groups, g.ID)
		default:
			if err := d.client.RemoveUserGroup(ctx, userID, g.ID); err != nil && KindOf(err) != KindNotFound {
				return err
			}
		}
	}
	if !member {
		if err := d.client.AddUserGroup(ctx, userID, groupID); err != nil && KindOf(err) != KindConflict {
			return err
		}
	}
	d.plans.joined(userID, groups, d.now().Add(groupFor))
	return nil
}

// belongs tells whether a customer is known to be in this one of our groups alone.
func (p *plans) belongs(user, group string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, known := p.members[user]
	return known && now.Before(m.until) && len(m.groups) == 1 && m.groups[0] == group
}

func (p *plans) joined(user string, groups []string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == nil || len(p.members) >= maxMembers {
		p.members = map[string]member{}
	}
	p.members[user] = member{groups, until}
}
