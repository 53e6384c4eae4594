package workspaces

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// namePrefix marks the accounts on a desktop host that are ours.
const namePrefix = "ez"

// hostUsername is how a customer is named on every desktop host: the shop and the
// customer can be read from it, which is how a host's list is told apart by shop.
func hostUsername(t tenants.Tenant, user uuid.UUID) string {
	return namePrefix + "." + t.Slug + "." + hex.EncodeToString(user[:])
}

// parseUsername is the reverse of hostUsername; false for accounts that are not ours.
func parseUsername(name string) (slug string, user uuid.UUID, ok bool) {
	parts := strings.Split(strings.ToLower(name), ".")
	if len(parts) != 3 || parts[0] != namePrefix || len(parts[2]) != 32 {
		return "", uuid.Nil, false
	}
	user, err := uuid.Parse(parts[2])
	return parts[1], user, err == nil
}

// request gets one desktop for a workspace, from the first host that does not refuse.
func (s *Service) request(ctx context.Context, t tenants.Tenant, row liveRow) (out outcome) {
	hosts, err := s.places(ctx, row)
	if err != nil {
		return outcome{err: err}
	}
	var refusal error
	for _, host := range hosts {
		out = s.requestAt(ctx, t, row, host)
		if out.err == nil || !elsewhere(out.err) {
			return out
		}
		// A host that is full or lacks the image says nothing about the next one. What
		// is told in the end is the refusal that waiting may mend.
		if refusal == nil || HostKindOf(out.err) == HostNoCapacity {
			refusal = out.err
		}
	}
	out.err = refusal
	return out
}

// requestAt gets the desktop from one host: one that already answers to the intent
// (asked for by a worker that died before it could write that down), else a new one.
func (s *Service) requestAt(ctx context.Context, t tenants.Tenant, row liveRow, host Host) (out outcome) {
	account, err := s.account(ctx, t, row.UserID, host)
	if err != nil {
		return outcome{err: err}
	}
	image, err := s.image(ctx, host, row)
	if err != nil {
		return outcome{err: err}
	}
	out = outcome{server: host.ID, account: account}
	out.desktop, err = s.answering(ctx, t, host, account, image, row.intent(t))
	if err != nil || out.desktop != "" {
		out.err = err
		return out
	}
	release, ok := s.reserve(host)
	if !ok {
		out.err = &HostError{Kind: HostNoCapacity, Message: "the host has as many desktops as it is meant to"}
		return out
	}
	defer func() { release(out.err == nil) }()
	if err := s.ask(ctx, t, row.ID, &host.ID); err != nil {
		out.err = &HostError{Kind: HostUnavailable, Message: "that the host is asked could not be written down", Cause: err}
		return out
	}
	out.asked = true
	wish, err := s.wish(t, row, account, image)
	if err != nil {
		out.err = err
		return out
	}
	out.desktop, out.err = host.Driver.Request(ctx, wish)
	s.noteRequest(row.ID, host, image, out.err)
	if out.err != nil && HostKindOf(out.err) == HostNotFound {
		out.err, out.asked = s.renewAccount(ctx, t, row.UserID, host, out.err), false
	}
	return out
}

func (s *Service) noteRequest(id uuid.UUID, host Host, image string, err error) {
	if preparer, ok := host.Driver.(Preparer); ok && err != nil && HostKindOf(err) == HostPreparing {
		s.preparing.begin(id, preparer, image)
		return
	}
	s.preparing.end(id)
}

func (r liveRow) intent(t tenants.Tenant) string {
	return Labels{Tenant: t.Slug, Workspace: r.ID, Run: r.Run}.Intent()
}

// wish is everything that a host may need to know about the desktop that it is to make.
func (s *Service) wish(t tenants.Tenant, row liveRow, a Account, image string) (Wish, error) {
	plain, err := s.Sealer.Open(a.Password, seal.Context(t.ID, seal.DesktopPassword))
	if err != nil {
		return Wish{}, &HostError{Kind: HostRefused, Message: "the customer's password for the desktop host cannot be opened; is the secret key the right one?", Cause: err}
	}
	return Wish{
		UserID: a.HostUserID, User: HostUser{Username: a.Username, Password: string(plain)}, ImageID: image, VCPU: row.VCPU, RAMMB: row.RAMMB,
		Labels: Labels{Tenant: t.Slug, Workspace: row.ID, Run: row.Run},
		Rights: Rights{Group: namePrefix + "." + t.Slug + "." + row.WorkspaceType, Clipboard: row.AllowClipboard, Upload: row.AllowUpload,
			Download: row.AllowDownload, MaxSession: time.Duration(row.PlanMaxSession) * time.Minute},
	}, nil
}

// answering finds a desktop of this customer and image that no workspace claims; on
// a host that remembers intents, the one of this intent.
func (s *Service) answering(ctx context.Context, t tenants.Tenant, host Host, a Account, image, intent string) (string, error) {
	listing, err := host.Driver.List(ctx)
	if err != nil {
		return "", err
	}
	s.counted(host, listing)
	var candidates []string
	for _, d := range listing.Desktops {
		fits := d.ImageID == image && d.answersTo(intent) && (d.UserID == a.HostUserID || strings.EqualFold(d.Username, a.Username))
		if p := presenceOf(d.State); fits && (p == up || p == coming) {
			candidates = append(candidates, d.ID)
		}
	}
	if len(candidates) == 0 {
		return "", nil
	}
	var taken []string
	if err := s.DB.Read(ctx, t, takenQ(&taken, host.ID, candidates)); err != nil {
		return "", err
	}
	for _, c := range candidates {
		if !contains(taken, c) {
			return c, nil
		}
	}
	return "", nil
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// account gives the customer's account on a host, and makes it the first time.
// The password is written down only once the host has it, and a lost answer is
// mended by giving the account a new one.
func (s *Service) account(ctx context.Context, t tenants.Tenant, user uuid.UUID, host Host) (Account, error) {
	var a Account
	var found bool
	var who person
	if err := s.DB.Read(ctx, t, findAccountQ(&a, &found, user, host.ID), personQ(&who, user)); err != nil || found {
		return a, err
	}
	return s.newAccount(ctx, t, user, host, who, password())
}

func (s *Service) newAccount(ctx context.Context, t tenants.Tenant, user uuid.UUID, host Host, who person, plain string) (Account, error) {
	first, last, _ := strings.Cut(strings.TrimSpace(who.Name), " ")
	a := Account{Username: hostUsername(t, user), Password: s.Sealer.Seal([]byte(plain), seal.Context(t.ID, seal.DesktopPassword))}
	var err error
	a.HostUserID, err = host.Driver.EnsureUser(ctx, HostUser{Username: a.Username, Password: plain, FirstName: first, LastName: last})
	if err != nil {
		return a, err
	}
	return a, s.DB.In(ctx, t, func(tx tenants.Tx) error { return saveAccount(ctx, tx, user, host.ID, a) })
}

// renewAccount makes an account again that the host has lost. The request is
// tried again afterwards, so the result is an error in any case.
func (s *Service) renewAccount(ctx context.Context, t tenants.Tenant, user uuid.UUID, host Host, lost error) error {
	var who person
	if err := s.DB.Read(ctx, t, personQ(&who, user)); err != nil {
		return err
	}
	if _, err := s.newAccount(ctx, t, user, host, who, password()); err != nil {
		return err
	}
	return &HostError{Kind: HostUnavailable, Message: "the host had lost the customer's account; it was made again", Cause: lost}
}

// password makes what every policy of a host accepts: upper, lower, digit, special.
func password() string {
	return "Ez-" + rand.Text() + "-7a"
}

// imageCache remembers what templates are made from, for a minute.
type imageCache struct {
	mu    sync.Mutex
	found map[imageKey]cachedImage
}

type imageKey struct {
	host     uuid.UUID
	template string
	vcpu     int
	ramMB    int
}

type cachedImage struct {
	id    string
	until time.Time
}

const imageFor = time.Minute

func (s *Service) image(ctx context.Context, host Host, row liveRow) (string, error) {
	key := imageKey{host.ID, row.HostTemplate, row.VCPU, row.RAMMB}
	s.images.mu.Lock()
	c, known := s.images.found[key]
	s.images.mu.Unlock()
	if known && s.Wall().Before(c.until) {
		return c.id, nil
	}
	id, err := host.Driver.FindImage(ctx, row.HostTemplate, row.VCPU, row.RAMMB)
	if err != nil {
		return "", err
	}
	s.images.mu.Lock()
	defer s.images.mu.Unlock()
	if s.images.found == nil {
		s.images.found = map[imageKey]cachedImage{}
	}
	s.images.found[key] = cachedImage{id, s.Wall().Add(imageFor)}
	return id, nil
}
