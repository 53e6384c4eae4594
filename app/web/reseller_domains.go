package web

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// domainsPath is the owner's page of the shop's own names.
const domainsPath = "/reseller/domains"

func (s *server) domainsPage(c *echo.Context) error {
	return s.domainsAs(c, http.StatusOK, views.TermsForm{}, uuid.Nil, "")
}

// domainsAs draws the page with what was typed, or with what went wrong at one name.
func (s *server) domainsAs(c *echo.Context, status int, form views.TermsForm, at uuid.UUID, wrong string) error {
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	t := visitOf(c).tenant
	list, err := s.Domains.List(c.Request().Context(), t)
	if err != nil {
		return err
	}
	p := views.Domains{Form: form, Hosts: t.Hosts[len(t.Hosts)-1]}
	for _, d := range list {
		card := s.domainCardOf(t, d)
		if d.ID == at {
			card.Wrong = wrong
		}
		p.Cards = append(p.Cards, card)
	}
	return s.render(c, status, views.DomainsPage(s.consoleShell(c, "Domains", person), p))
}

func (s *server) domainCardOf(t tenants.Tenant, d domains.Domain) views.DomainCard {
	card := views.DomainCard{Domain: d, Stands: d.State(s.Domains.HTTPS), Target: s.Domains.Target(t), HTTPS: s.Domains.HTTPS, Certified: certified(t, d)}
	for _, addr := range s.Domains.EdgeIPs {
		card.Addresses = append(card.Addresses, addr.String())
	}
	if d.CheckedAt != nil {
		card.Checked = d.CheckedAt.In(t.Zone).Format("Jan 2, 15:04:05")
	}
	if d.ReleaseAt != nil {
		card.Expires = d.ReleaseAt.In(t.Zone).Format("January 2, 2006")
	}
	return card
}

// certified says what became of a name's certificates so far.
func certified(t tenants.Tenant, d domains.Domain) string {
	switch {
	case d.VerifiedAt == nil:
		return "Nobody proves it by " + d.Expires().In(t.Zone).Format("January 2") + ": then it is taken off the list."
	case d.SSLIssuedAt == nil:
		return ""
	case d.SSLRenewals == 0:
		return "The certificate is of " + d.SSLIssuedAt.In(t.Zone).Format("January 2, 2006") + "."
	}
	return "The certificate is of " + d.SSLIssuedAt.In(t.Zone).Format("January 2, 2006") + ", renewed " + views.CountOf(d.SSLRenewals, "time") + "."
}

// domainCard is the steps of one name alone, for the page that draws them again; when
// the name stands otherwise than before, the page is fetched anew.
func (s *server) domainCard(c *echo.Context) error {
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, domainsPath)
	}
	if _, err := s.consoleRead(c); err != nil {
		return err
	}
	t := visitOf(c).tenant
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("domain")
	}
	d, err := s.Domains.Watch(c.Request().Context(), t, id)
	if err != nil && !fail.Is(err, fail.NotFound) {
		return err
	}
	card := s.domainCardOf(t, d)
	if err != nil || c.QueryParam("was") != "" && c.QueryParam("was") != card.Stands {
		c.Response().Header().Set("HX-Refresh", "true")
		return c.NoContent(http.StatusNoContent)
	}
	return s.render(c, http.StatusOK, views.DomainSteps(card))
}

func (s *server) addDomain(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if _, err := s.consoleRead(c); err != nil {
		return err
	}
	t, ctx := visitOf(c).tenant, c.Request().Context()
	d, err := s.Domains.Add(ctx, t, form.Get("domain"), consoleActor(c))
	if wrong, status := wrongOf(err); status != 0 {
		if wrong.Whole != "" { // it is about the one field there is
			wrong = views.Wrong{Fields: fail.Fields{"domain": wrong.Whole}}
		}
		return s.domainsAs(c, status, typed(form, wrong), uuid.Nil, "")
	}
	if err != nil {
		return err
	}
	text := d.Domain.Domain + " is on the list. Make its record now; we look for it by ourselves."
	if d.VerifiedAt != nil {
		text = d.Domain.Domain + " is yours already."
	}
	return s.consoleDone(c, text, domainsPath)
}

// atDomain takes a step with the name that the address speaks of.
func (s *server) atDomain(c *echo.Context, do func(t tenants.Tenant, d domains.Domain) (said string, err error)) error {
	if _, err := s.consoleRead(c); err != nil {
		return err
	}
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("domain")
	}
	t := visitOf(c).tenant
	d, err := s.Domains.ByID(c.Request().Context(), t, id)
	if err != nil {
		return err
	}
	said, err := do(t, d)
	switch kind := fail.KindOf(err); {
	case err == nil:
		return s.consoleDone(c, said, s.domainsPathAfter(c, d.Domain.Domain))
	case kind == fail.Unavailable: // the authority's reason
		return s.domainsAs(c, http.StatusUnprocessableEntity, views.TermsForm{}, id, sentence(err))
	case kind == fail.Conflict, kind == fail.TooMany:
		return s.domainsAs(c, statuses[kind], views.TermsForm{}, id, sentence(err))
	}
	return err
}

// domainsPathAfter is where the page of names is after a step. Who has just removed
// the very name that the page was open under goes on at an address that stays.
func (s *server) domainsPathAfter(c *echo.Context, name string) string {
	here, err := tenants.NormalHost(s.hostOf(c.Request()))
	if _, _, served := s.Registry.ByHost(here); err != nil || here != name || served {
		return domainsPath
	}
	t, ok := s.Registry.ByID(visitOf(c).tenant.ID)
	if !ok {
		return domainsPath
	}
	return s.addressOf(c, t, domainsPath)
}

func (s *server) checkDomain(c *echo.Context) error {
	return s.atDomain(c, func(t tenants.Tenant, d domains.Domain) (string, error) {
		now, err := s.Domains.Check(c.Request().Context(), t, d.Domain.Domain, consoleActor(c))
		switch {
		case fail.Is(err, fail.NotFound):
			return d.Domain.Domain + " was taken off the list: it was not proven in time.", nil
		case err != nil:
			return "", err
		case now.VerifiedAt != nil && d.VerifiedAt == nil:
			return d.Domain.Domain + " is proven: it is yours from now on.", nil
		case now.CheckError != nil:
			return "We looked at " + d.Domain.Domain + ": " + *now.CheckError, nil
		}
		return "We looked at " + d.Domain.Domain + ": all is well.", nil
	})
}

func (s *server) makeDomainPrimary(c *echo.Context) error {
	return s.atDomain(c, func(t tenants.Tenant, d domains.Domain) (string, error) {
		return d.Domain.Domain + " is the primary domain; the others lead to it.", s.Domains.MakePrimary(c.Request().Context(), t, d.Domain.Domain, consoleActor(c))
	})
}

// orderCertificate asks the authority at once, for somebody who has put something right.
func (s *server) orderCertificate(c *echo.Context) error {
	return s.atDomain(c, func(_ tenants.Tenant, d domains.Domain) (string, error) {
		if s.Issuer == nil {
			return "", fail.New(fail.Conflict, "This installation leaves HTTPS to the server before it.")
		}
		return "The certificate of " + d.Domain.Domain + " is there.", s.Issuer.Obtain(c.Request().Context(), d.Domain.Domain)
	})
}

func (s *server) removeDomain(c *echo.Context) error {
	return s.atDomain(c, func(t tenants.Tenant, d domains.Domain) (string, error) {
		return d.Domain.Domain + " is removed. Remove its records, too.", s.Domains.Remove(c.Request().Context(), t, d.Domain.Domain, consoleActor(c))
	})
}

// probeRoute is where this installation answers itself on any host, to find out
// whether a name leads here.
const probeRoute = domains.ProbePath + ":token"

func (s *server) answerProbe(c *echo.Context) error {
	if s.Domains == nil {
		return echo.ErrNotFound
	}
	text, ok := s.Domains.Answer(s.hostOf(c.Request()), c.Param("token"))
	if !ok {
		return echo.ErrNotFound
	}
	return c.String(http.StatusOK, text)
}
