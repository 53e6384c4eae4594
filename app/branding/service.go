package branding

import (
	"context"
	"log/slog"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Files keeps pictures; each name belongs to one shop.
type Files interface {
	Put(ctx context.Context, tenant uuid.UUID, name, kind string, data []byte) error
	Get(ctx context.Context, tenant uuid.UUID, name string) ([]byte, error)
	Delete(ctx context.Context, tenant uuid.UUID, name string) error
}

// Config is what the service is made of.
type Config struct {
	DB    *tenants.DB
	Files Files
	DNS   DNS                             // nil asks nobody: every address waits
	Relay func(ctx context.Context) Relay // how letters leave; nil is unknown
	Log   *slog.Logger
}

// Service changes how shops look and keeps their pictures.
type Service struct{ Config }

// New makes the service.
func New(c Config) *Service { return &Service{c} }

// Change is what a form says; nil leaves a thing as it is.
type Change struct {
	Actor                                                                                                               string
	CompanyName, PrimaryColor, SecondaryColor, SupportEmail, SupportPhone, FromName, FromEmail, DKIMSelector, CustomCSS *string
	Logo, Favicon                                                                                                       []byte // uploads, as they came
	RemoveLogo, RemoveFavicon                                                                                           bool
}

// The lengths of texts, in letters.
const (
	maxName  = 80
	maxPhone = 40
	maxEmail = 200
)

// nameWait is how long saving waits for the name servers.
const nameWait = 8 * time.Second

// Save changes how a shop looks. What is wrong is fail.Invalid with its fields, and
// then nothing is changed.
func (s *Service) Save(ctx context.Context, t tenants.Tenant, c Change) error {
	wrong := fail.Fields{}
	after := c.Apply(t.Branding, wrong)
	logo, favicon := c.pictures(wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	after.MailState = s.mailState(ctx, t.Branding, after)
	if err := s.keep(ctx, t, &after, logo, favicon); err != nil {
		return err
	}
	var before tenants.Branding
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		if before, err = lock(ctx, tx, t.ID); err != nil {
			return err
		}
		merged := c.Apply(before, fail.Fields{})
		merged.MailState = after.MailState
		if logo != nil || c.RemoveLogo {
			merged.LogoURL = after.LogoURL
		}
		if favicon != nil || c.RemoveFavicon {
			merged.FaviconURL = after.FaviconURL
		}
		after = merged
		if err := save(ctx, tx, t.ID, merged); err != nil {
			return err
		}
		return record(ctx, tx, t.ID, c.Actor, differences(before, merged))
	})
	if err != nil {
		return err
	}
	s.forget(ctx, t, before.LogoURL, after.LogoURL)
	s.forget(ctx, t, before.FaviconURL, after.FaviconURL)
	return s.DB.Registry().Refresh(ctx)
}

func (s *Service) keep(ctx context.Context, t tenants.Tenant, b *tenants.Branding, logo, favicon *Picture) error {
	for _, p := range []struct {
		picture *Picture
		kind    string
		to      *string
	}{{logo, "logo", &b.LogoURL}, {favicon, "favicon", &b.FaviconURL}} {
		if p.picture == nil {
			continue
		}
		name := p.kind + "-" + p.picture.Hash + ".png"
		if err := s.Files.Put(ctx, t.ID, folder+name, "image/png", p.picture.PNG); err != nil {
			return err
		}
		*p.to = address + name
	}
	return nil
}

// forget removes the picture that another has taken the place of. One that stays
// behind harms nobody, so trouble is only logged.
func (s *Service) forget(ctx context.Context, t tenants.Tenant, before, after string) {
	name, found := strings.CutPrefix(before, address)
	if !found || before == after {
		return
	}
	if err := s.Files.Delete(ctx, t.ID, folder+name); err != nil {
		s.Log.WarnContext(ctx, "an old picture was not removed", "tenant", t.Slug, "name", name, "error", err)
	}
}

// pictures reads the uploads.
func (c Change) pictures(wrong fail.Fields) (logo, favicon *Picture) {
	read := func(raw []byte, field string, by func([]byte) (Picture, error)) *Picture {
		if raw == nil {
			return nil
		}
		p, err := by(raw)
		if err != nil {
			wrong.Add(field, "%s", err.Error())
			return nil
		}
		return &p
	}
	return read(c.Logo, "logo", Logo), read(c.Favicon, "favicon", Favicon)
}

// Apply gives the brand after the change and says what is wrong with it. Pictures
// that come with it are not among it yet.
func (c Change) Apply(b tenants.Branding, wrong fail.Fields) tenants.Branding {
	for _, f := range []struct {
		name string
		from *string
		to   *string
		most int
	}{{"company_name", c.CompanyName, &b.CompanyName, maxName}, {"from_name", c.FromName, &b.FromName, maxName}, {"support_phone", c.SupportPhone, &b.SupportPhone, maxPhone}} {
		if f.from != nil {
			*f.to = line(f.name, *f.from, f.most, wrong)
		}
	}
	for _, f := range []struct {
		name     string
		from, to *string
	}{{"support_email", c.SupportEmail, &b.SupportEmail}, {"from_email", c.FromEmail, &b.FromEmail}} {
		if f.from != nil {
			*f.to = emailOf(f.name, *f.from, wrong)
		}
	}
	for _, f := range []struct {
		name     string
		from, to *string
	}{{"primary_color", c.PrimaryColor, &b.PrimaryColor}, {"secondary_color", c.SecondaryColor, &b.SecondaryColor}} {
		if f.from == nil {
			continue
		}
		*f.to = strings.TrimSpace(*f.from)
		if _, err := ParseColour(*f.to); err != nil {
			wrong.Add(f.name, "Write the colour as # and six hexadecimal digits, such as #3B82F6.")
		}
	}
	if c.DKIMSelector != nil {
		if b.DKIMSelector = strings.ToLower(strings.TrimSpace(*c.DKIMSelector)); b.DKIMSelector != "" && !selectorRule.MatchString(b.DKIMSelector) {
			wrong.Add("dkim_selector", "A selector is a short name such as mail or s1.")
		}
	}
	if c.CustomCSS != nil {
		b.CustomCSS = strings.ReplaceAll(*c.CustomCSS, "\r\n", "\n")
		if _, err := Custom(b.CustomCSS); err != nil {
			wrong.Add("custom_css", "%s", err.Error())
		}
	}
	if c.RemoveLogo {
		b.LogoURL = ""
	}
	if c.RemoveFavicon {
		b.FaviconURL = ""
	}
	return b
}

var selectorRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,60}[a-z0-9])?$`)

func line(field, text string, most int, wrong fail.Fields) string {
	text = strings.TrimSpace(text)
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		wrong.Add(field, "Write it on one line, without control characters.")
	case utf8.RuneCountInString(text) > most:
		wrong.Add(field, "Keep it to %d letters.", most)
	case field == "support_phone" && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsDigit(r) && !strings.ContainsRune("+-()/. ext", r) }):
		wrong.Add(field, "Write the number with digits, such as +1 212 555 0100.")
	}
	return text
}

func emailOf(field, text string, wrong fail.Fields) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	a, err := mail.ParseAddress(text)
	local, domain, _ := strings.Cut(text, "@")
	if err != nil || a.Address != text || len(text) > maxEmail || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(text, " \"'<>\\") {
		wrong.Add(field, "Write an address such as help@example.com.")
	}
	return text
}

// differences names the columns that changed, for the audit log.
func differences(a, b tenants.Branding) (changed []string) {
	for _, f := range []struct{ name, from, to string }{
		{"logo", a.LogoURL, b.LogoURL}, {"favicon", a.FaviconURL, b.FaviconURL}, {"primary_color", a.PrimaryColor, b.PrimaryColor}, {"secondary_color", a.SecondaryColor, b.SecondaryColor},
		{"company_name", a.CompanyName, b.CompanyName}, {"support_email", a.SupportEmail, b.SupportEmail}, {"support_phone", a.SupportPhone, b.SupportPhone},
		{"from_email", a.FromEmail, b.FromEmail}, {"from_name", a.FromName, b.FromName}, {"custom_css", a.CustomCSS, b.CustomCSS}, {"dkim_selector", a.DKIMSelector, b.DKIMSelector},
	} {
		if f.from != f.to {
			changed = append(changed, f.name)
		}
	}
	return changed
}

// Sender looks at the domain of a shop's address as it is written now; the zero
// Sender when there is no address or nobody to ask.
func (s *Service) Sender(ctx context.Context, b tenants.Branding) (Sender, error) {
	if b.FromEmail == "" || s.DNS == nil {
		return Sender{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	var relay Relay
	if s.Relay != nil {
		relay = s.Relay(ctx)
	}
	return CheckSender(ctx, s.DNS, relay, b.FromEmail, b.DKIMSelector)
}

// CheckNow looks at the domain of a shop's address and keeps what follows for its
// letters: the state is ready, waiting, or empty where the provider vouches for the
// address. fail.Unavailable when the name servers do not answer; then nothing changes.
func (s *Service) CheckNow(ctx context.Context, t tenants.Tenant) (Sender, string, error) {
	before := t.Branding.MailState
	if t.Branding.FromEmail == "" || s.DNS == nil {
		return Sender{}, before, nil
	}
	found, err := s.Sender(ctx, t.Branding)
	if err != nil {
		return Sender{}, before, fail.Wrap(err, fail.Unavailable, "The name servers did not answer.")
	}
	state := MailWaiting
	switch {
	case before == "":
		state = ""
	case found.Ready:
		state = MailReady
	}
	if err := s.DB.Central(ctx, func(tx tenants.CentralTx) error { return checked(ctx, tx, t.ID, t.Branding.FromEmail, state) }); err != nil {
		return Sender{}, before, err
	}
	if state == before {
		return found, state, nil
	}
	return found, state, s.DB.Registry().Refresh(ctx)
}

// mailState decides whether letters may go from the shop's address. Where the name
// servers do not answer, an address that was ready stays so.
func (s *Service) mailState(ctx context.Context, before, after tenants.Branding) string {
	if after.FromEmail == "" {
		return MailWaiting
	}
	same := before.FromEmail == after.FromEmail
	if same && before.MailState == "" {
		return "" // the provider vouches for it
	}
	found, err := s.Sender(ctx, after)
	switch {
	case err != nil && same:
		return before.MailState
	case err == nil && found.Ready:
		return MailReady
	}
	return MailWaiting
}

const (
	folder  = "brand/"
	address = "/brand/"
)

var pictureRule = regexp.MustCompile(`^(logo|favicon)-[0-9a-f]{16}\.png$`)

// Picture is a shop's own picture by its file name, as /brand/ serves it;
// fail.NotFound for any other.
func (s *Service) Picture(ctx context.Context, t tenants.Tenant, name string) ([]byte, error) {
	if !pictureRule.MatchString(name) || t.ID == uuid.Nil {
		return nil, fail.Missing("picture")
	}
	return s.Files.Get(ctx, t.ID, folder+name)
}

// LogoFile is the shop's logo as a PNG file for its documents, or nothing. A
// document is drawn without a logo rather than not at all.
func (s *Service) LogoFile(ctx context.Context, t tenants.Tenant) []byte {
	name, found := strings.CutPrefix(t.Branding.LogoURL, address)
	if !found {
		return nil
	}
	file, err := s.Picture(ctx, t, name)
	if err != nil {
		s.Log.WarnContext(ctx, "a shop's logo could not be read", "tenant", t.Slug, "error", err)
		return nil
	}
	return file
}
