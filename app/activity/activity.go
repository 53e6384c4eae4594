// Package activity tells who did what in a shop: what its own people, its customers'
// programs and the product itself wrote down there, together with what the provider
// did to it, as one list.
package activity

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// The two logs that the list is made of. Of what happened in one moment the shop's own
// comes first.
const (
	fromProvider = 0
	fromShop     = 1
)

// Entry is one thing that somebody did.
type Entry struct {
	ID      int64     `db:"id"`
	At      time.Time `db:"at"`
	Actor   string    `db:"actor"` // as it was written down: "user:…", "command line", an operator's address
	Action  string    `db:"action"`
	Subject string    `db:"subject"`
	Raw     string    `db:"detail"` // JSON

	Name     string `db:"-"` // of the person who did it; empty for a program
	Email    string `db:"-"`
	About    string `db:"-"` // the person whom it was done to
	Provider bool   `db:"-"` // the provider did it
}

// Detail is what was written down about it, by name, in a fixed order.
func (e Entry) Detail() string {
	var values map[string]any
	if json.Unmarshal([]byte(e.Raw), &values) != nil {
		return ""
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if text := wordOf(values[name]); text != "" {
			words = append(words, strings.ReplaceAll(name, "_", " ")+" "+text)
		}
	}
	return strings.Join(words, ", ")
}

func wordOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	body, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(body)
}

func (e Entry) rank() int {
	if e.Provider {
		return fromProvider
	}
	return fromShop
}

// newest orders entries, the newest first.
func newest(a, b Entry) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.rank(), a.rank()), cmp.Compare(b.ID, a.ID))
}

// Who may be asked for besides a person's id.
const (
	ByProvider  = "provider"
	ByCustomers = "customers"
	ByPrograms  = "programs" // the product itself, and the command line
)

// Kinds are what actions can be asked for by, each with the first words of the actions.
func Kinds() map[string][]string {
	return map[string][]string{
		"prices": {"plan", "pricing", "coupon", "tax", "terms"},
		"people": {"staff", "user", "customer", "key", "acting"},
		"money":  {"credit", "credit_note", "invoice", "invoices", "payment", "stripe", "wholesale", "ledger"},
		"shop":   {"branding", "domain", "tenant", "onboarding", "archive", "webhook"},
	}
}

// Search says what to list. Cursor is the Next of the page before.
type Search struct {
	Text     string // in the action, what it was about, or its detail
	Who      string // a person's id, ByProvider, ByCustomers, ByPrograms; empty for all
	Kind     string // of Kinds; empty for all
	From, To time.Time
	Cursor   string
	Limit    int // 1 to 1000; 50 when it is not
}

// Page is a part of the list. Next is empty on the last one.
type Page struct {
	Entries []Entry
	Next    string
}

// Service reads the logs.
type Service struct{ db *tenants.DB }

// New makes the service.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// List gives a page of what happened in a shop, the newest first, in at most two round
// trips, and with the second asks more for a page. Errors: BadRequest for a cursor that
// no list gave.
func (s *Service) List(ctx context.Context, t tenants.Tenant, search Search, more ...tenants.Query) (Page, error) {
	at, err := search.start()
	if err != nil {
		return Page{}, err
	}
	limit := search.Limit
	if limit < 1 || limit > 1000 {
		limit = 50
	}
	var theirs, own []Entry
	if search.Who == "" || search.Who == ByProvider {
		if err := s.db.CentralRead(ctx, centralQ(&theirs, t.ID, search, at, limit+1)); err != nil {
			return Page{}, err
		}
	}
	if search.Who != ByProvider {
		more = append(more, shopQ(&own, search, at, limit+1))
	}
	if len(more) > 0 {
		if err := s.db.Read(ctx, t, more...); err != nil {
			return Page{}, err
		}
	}
	for i := range theirs {
		theirs[i].Provider = true
	}
	page := Page{Entries: append(own, theirs...)}
	slices.SortFunc(page.Entries, newest)
	if len(page.Entries) > limit {
		page.Entries = page.Entries[:limit]
		page.Next = cursorOf(page.Entries[limit-1])
	}
	return page, s.name(ctx, t, page.Entries)
}

// name finds the people of a page by their ids, all at once.
func (s *Service) name(ctx context.Context, t tenants.Tenant, entries []Entry) error {
	var ids []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, e := range entries {
		for _, id := range []uuid.UUID{e.actorID(), idOf(e.Subject)} {
			if id != uuid.Nil && !seen[id] {
				ids, seen[id] = append(ids, id), true
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var people []person
	if err := s.db.Read(ctx, t, peopleQ(&people, ids)); err != nil {
		return err
	}
	known := make(map[uuid.UUID]person, len(people))
	for _, p := range people {
		known[p.ID] = p
	}
	for i := range entries {
		who, about := known[entries[i].actorID()], known[idOf(entries[i].Subject)]
		entries[i].Name, entries[i].Email, entries[i].About = who.Name, who.Email, about.Email
	}
	return nil
}

// actorID is the person who did it, uuid.Nil for anybody else.
func (e Entry) actorID() uuid.UUID {
	id, ok := strings.CutPrefix(e.Actor, "user:")
	if !ok {
		return uuid.Nil
	}
	return idOf(id)
}

func idOf(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil
	}
	return id
}

// place is where a page begins: below an entry of a moment.
type place struct {
	at   time.Time
	rank int
	id   int64
}

func (s Search) start() (place, error) {
	if s.Cursor == "" {
		return place{at: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), rank: fromShop + 1}, nil
	}
	wrong := fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
	raw, err := base64.RawURLEncoding.DecodeString(s.Cursor)
	parts := strings.Split(string(raw), ".")
	if err != nil || len(parts) != 3 {
		return place{}, wrong
	}
	var n [3]int64
	for i, part := range parts {
		if n[i], err = strconv.ParseInt(part, 10, 64); err != nil || n[i] < 0 || i == 0 && n[i] > 1<<53 || i == 1 && n[i] > fromShop {
			return place{}, wrong
		}
	}
	return place{time.UnixMicro(n[0]).UTC(), int(n[1]), n[2]}, nil
}

func cursorOf(e Entry) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(e.At.UnixMicro(), 10) + "." + strconv.Itoa(e.rank()) + "." + strconv.FormatInt(e.ID, 10)))
}

// pattern is of like, in small letters, empty for all.
func (s Search) pattern() string {
	text := strings.ToValidUTF8(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s.Text)), "\x00", ""), "")
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}
