package tenants

import (
	"context"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

var colourRule = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func (b Branding) check(wrong fail.Fields) {
	if !colourRule.MatchString(b.PrimaryColor) {
		wrong.Add("primary_color", "Write the colour as # and six digits, such as #3B82F6.")
	}
	if !colourRule.MatchString(b.SecondaryColor) {
		wrong.Add("secondary_color", "Write the colour as # and six digits, such as #64748B.")
	}
	if len(b.CustomCSS) > 64<<10 {
		wrong.Add("custom_css", "The style sheet is longer than 64 KB.")
	}
}

// SetBranding replaces how a shop looks. Colours that are none are fail.Invalid.
func (db *DB) SetBranding(ctx context.Context, id uuid.UUID, b Branding) error {
	wrong := fail.Fields{}
	if b.check(wrong); len(wrong) > 0 {
		return wrong.Err()
	}
	err := db.Central(ctx, func(tx CentralTx) error {
		if err := insertBranding(ctx, tx, id, b); err != nil {
			if IsForeignKey(err, "") {
				return fail.Missing("shop")
			}
			return err
		}
		return audit(ctx, tx, id, "branding.changed", "", nil)
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}

func insertBranding(ctx context.Context, tx CentralTx, id uuid.UUID, b Branding) error {
	const sql = `-- write branding
		insert into central.tenant_branding
		    (tenant_id, logo_url, favicon_url, primary_color, secondary_color, company_name, support_email, support_phone, from_email, from_name, custom_css, mail_state, dkim_selector, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (tenant_id) do update set
		    logo_url = excluded.logo_url, favicon_url = excluded.favicon_url, primary_color = excluded.primary_color, secondary_color = excluded.secondary_color,
		    company_name = excluded.company_name, support_email = excluded.support_email, support_phone = excluded.support_phone,
		    from_email = excluded.from_email, from_name = excluded.from_name, custom_css = excluded.custom_css,
		    mail_state = excluded.mail_state, dkim_selector = excluded.dkim_selector, updated_at = excluded.updated_at`
	_, err := tx.Exec(ctx, sql, id, b.LogoURL, b.FaviconURL, strings.TrimSpace(b.PrimaryColor), strings.TrimSpace(b.SecondaryColor), b.CompanyName,
		b.SupportEmail, b.SupportPhone, b.FromEmail, b.FromName, b.CustomCSS, b.MailState, b.DKIMSelector, tx.Now())
	return err
}
