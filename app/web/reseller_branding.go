package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// maxUpload is the largest body of the one form that takes files, in bytes: two
// pictures and the words beside them.
const (
	maxUpload   = 5 << 20
	uploadRoute = "/reseller/branding"
)

// brandFields are the fields of the form that hold words.
var brandFields = []string{"company_name", "primary_color", "secondary_color", "support_email", "support_phone", "from_name", "from_email", "dkim_selector", "custom_css"}

func (s *server) brandingPage(c *echo.Context) error {
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	t := visitOf(c).tenant
	page := s.brandingOf(c, t.Branding, brandValues(t), views.Wrong{})
	return s.render(c, http.StatusOK, views.BrandingPage(s.consoleShell(c, "Branding", person), page))
}

func brandValues(t tenants.Tenant) map[string]string {
	b := t.Branding
	return map[string]string{"company_name": b.CompanyName, "primary_color": b.PrimaryColor, "secondary_color": b.SecondaryColor, "support_email": b.SupportEmail, "support_phone": b.SupportPhone,
		"from_name": b.FromName, "from_email": b.FromEmail, "dkim_selector": b.DKIMSelector, "custom_css": b.CustomCSS, "logo": b.LogoURL, "favicon": b.FaviconURL}
}

// brandingOf draws the form with what was typed, and the shop as it would look.
func (s *server) brandingOf(c *echo.Context, b tenants.Branding, values map[string]string, wrong views.Wrong) views.Branding {
	return views.Branding{Form: views.TermsForm{Values: values, Wrong: wrong}, Preview: brandPreviewOf(visitOf(c).tenant, b), State: b.MailState, Address: visitOf(c).tenant.Branding.FromEmail}
}

// checkSender asks the name servers about the shop's address, keeps what they say and
// shows it.
func (s *server) checkSender(c *echo.Context) error {
	if _, err := posted(c); err != nil {
		return err
	}
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	t := visitOf(c).tenant
	found, state, err := s.Branding.CheckNow(c.Request().Context(), t)
	if err != nil && fail.KindOf(err) != fail.Unavailable {
		return err
	}
	page := s.brandingOf(c, t.Branding, brandValues(t), views.Wrong{})
	page.Sender, page.Tried, page.Asked, page.State = found, true, err == nil, state
	return s.render(c, http.StatusOK, views.BrandingPage(s.consoleShell(c, "Branding", person), page))
}

func brandPreviewOf(t tenants.Tenant, b tenants.Branding) views.BrandPreview {
	t.Branding = b
	p := views.BrandPreview{Brand: brandOf(t)}
	p.Primary, p.Second = views.LegibilityOf(p.Brand)
	p.CSSAt = "/reseller/branding/preview.css?" + url.Values{"primary_color": {p.Brand.Primary.String()}, "secondary_color": {p.Brand.Secondary.String()}}.Encode()
	if b.LogoURL != "" {
		p.LogoAt = "/reseller/branding/logo?v=" + url.QueryEscape(b.LogoURL)
	}
	return p
}

// saveBranding saves the form, or shows what it would look like.
func (s *server) saveBranding(c *echo.Context) error {
	form, files, err := uploaded(c)
	if err != nil {
		return err
	}
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	change := brandChange(c, form, files)
	if form.Get("do") == "preview" || form.Get("fix") != "" {
		return s.tryBranding(c, form, change, person)
	}
	t := visitOf(c).tenant
	if err := s.Branding.Save(c.Request().Context(), t, change); err != nil {
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			kept := change.Apply(t.Branding, fail.Fields{})
			return views.BrandingPage(s.consoleShell(c, "Branding", person), s.brandingOf(c, kept, brandTyped(t, form), wrong))
		})
	}
	putNotice(c, s.deskOfReseller(c), views.ToneGood, "Your brand is saved.")
	return seeOther(c, uploadRoute)
}

// tryBranding shows the form again with the shop as it would look; nothing is saved.
func (s *server) tryBranding(c *echo.Context, form url.Values, change branding.Change, person accounts.User) error {
	t, wrong := visitOf(c).tenant, fail.Fields{}
	after := change.Apply(t.Branding, wrong)
	values := brandTyped(t, form)
	if field := form.Get("fix"); field != "" {
		t.Branding = after
		primary, second := views.LegibilityOf(brandOf(t))
		switch field {
		case "primary_color":
			after.PrimaryColor, values[field] = primary.Better.String(), primary.Better.String()
		case "secondary_color":
			after.SecondaryColor, values[field] = second.Better.String(), second.Better.String()
		}
		delete(wrong, field)
	}
	status := http.StatusOK
	if len(wrong) > 0 {
		status = http.StatusUnprocessableEntity
	}
	page := s.brandingOf(c, after, values, views.Wrong{Fields: wrong})
	return s.render(c, status, views.BrandingPage(s.consoleShell(c, "Branding", person), page))
}

// brandTyped is the form as it was typed, with what it does not hold as it is kept.
func brandTyped(t tenants.Tenant, form url.Values) map[string]string {
	values := brandValues(t)
	for _, name := range append([]string{"remove_logo", "remove_favicon"}, brandFields...) {
		if form.Has(name) {
			values[name] = form.Get(name)
		}
	}
	return values
}

// brandChange reads the form. What is not in it at all stays as it is.
func brandChange(c *echo.Context, form url.Values, files map[string][]byte) branding.Change {
	change := branding.Change{Actor: consoleActor(c), Logo: files["logo"], Favicon: files["favicon"],
		RemoveLogo: form.Get("remove_logo") == "on", RemoveFavicon: form.Get("remove_favicon") == "on"}
	to := []**string{&change.CompanyName, &change.PrimaryColor, &change.SecondaryColor, &change.SupportEmail, &change.SupportPhone, &change.FromName, &change.FromEmail, &change.DKIMSelector, &change.CustomCSS}
	for n, name := range brandFields {
		if form.Has(name) {
			text := form.Get(name)
			*to[n] = &text
		}
	}
	return change
}

// uploaded reads a form with files, or one without. A file beyond what is taken is
// cut one byte behind the limit, so that it is refused by name. Errors: TooLarge,
// BadRequest.
func uploaded(c *echo.Context) (url.Values, map[string][]byte, error) {
	r := c.Request()
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		form, err := posted(c)
		return form, nil, err
	}
	err := r.ParseMultipartForm(maxUpload)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, nil, err
	case err != nil:
		return nil, nil, fail.Wrap(err, fail.BadRequest, "The form could not be read. Go back and send it again.")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	files := map[string][]byte{}
	for _, name := range []string{"logo", "favicon"} {
		for _, part := range r.MultipartForm.File[name] {
			if part.Filename == "" && part.Size == 0 {
				continue
			}
			file, err := part.Open()
			if err != nil {
				return nil, nil, err
			}
			data, err := io.ReadAll(io.LimitReader(file, branding.MaxPicture+1))
			if err = errors.Join(err, file.Close()); err != nil {
				return nil, nil, err
			}
			files[name] = append([]byte{}, data...)
		}
	}
	return r.MultipartForm.Value, files, nil
}

// previewBranding redraws the preview while the form is filled in. What is not
// right yet looks as it does now.
func (s *server) previewBranding(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	t := visitOf(c).tenant
	change := brandChange(c, form, nil)
	for _, colour := range []**string{&change.PrimaryColor, &change.SecondaryColor} {
		if *colour != nil {
			if _, err := branding.ParseColour(strings.TrimSpace(**colour)); err != nil {
				*colour = nil
			}
		}
	}
	return s.render(c, http.StatusOK, views.BrandPreviewPart(brandPreviewOf(t, change.Apply(t.Branding, fail.Fields{}))))
}

// previewCSS are the colours of a preview, for that part of the page alone.
func (s *server) previewCSS(c *echo.Context) error {
	b := branding.Default("")
	for name, to := range map[string]*branding.Colour{"primary_color": &b.Primary, "secondary_color": &b.Secondary} {
		colour, err := branding.ParseColour(c.QueryParam(name))
		if err != nil {
			return fail.Missing("preview")
		}
		*to = colour
	}
	sheet := bytes.Replace(branding.CSS(b), []byte(":root"), []byte(".preview"), 1)
	return sendFile(c, "text/css; charset=utf-8", "private, max-age=3600", branding.Version(b), sheet)
}

// consoleLogo is the shop's logo for its console, which also stands on the central
// host, where no shop's files are served.
func (s *server) consoleLogo(c *echo.Context) error {
	file := s.Branding.LogoFile(c.Request().Context(), visitOf(c).tenant)
	if file == nil {
		return fail.Missing("logo")
	}
	return sendFile(c, "image/png", "private, max-age=3600", branding.Version(brandOf(visitOf(c).tenant)), file)
}

// brandPicture is a shop's logo or favicon. Its name is that of its content, so it
// may be kept for ever.
func (s *server) brandPicture(c *echo.Context) error {
	v, name := visitOf(c), c.Param("name")
	file, err := s.Branding.Picture(c.Request().Context(), v.tenant, name)
	if err != nil {
		return err
	}
	return sendFile(c, "image/png", keepForEver, strings.TrimSuffix(name, ".png"), file)
}

// brandCustomCSS are a shop's own rules, read again before they go out.
func (s *server) brandCustomCSS(c *echo.Context) error {
	if visitOf(c).central {
		return fail.Missing("style sheet")
	}
	look := s.lookAt(visitOf(c).tenant)
	keep := askAgain
	if look.rulesAt != "" && strings.HasSuffix(look.rulesAt, "?v="+c.QueryParam("v")) {
		keep = keepForEver
	}
	_, version, _ := strings.Cut(look.rulesAt, "?v=")
	return sendFile(c, "text/css; charset=utf-8", keep, "rules-"+version, look.rules)
}

// wearsRules says whether a page may carry the shop's own rules: never where
// somebody pays, signs in, or sees what is secret.
func wearsRules(c *echo.Context) bool {
	path := c.Request().URL.Path
	for _, guarded := range []string{"/billing", "/settings", "/payments", "/invoices/", "/credit-notes/", "/reseller", "/admin", "/sign-", "/forgot", "/reset", "/verify"} {
		if strings.HasPrefix(path, guarded) {
			return false
		}
	}
	return !visitOf(c).central
}
