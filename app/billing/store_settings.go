package billing

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

type setting struct {
	Key   string `db:"key"`
	Value string `db:"value"`
}

func settingsQ(dst *[]setting) tenants.Query {
	return tenants.ListQ(dst, `-- billing.settingsQ
		select key, coalesce(value #>> '{}', '') as value from settings where key <> 'stripe'`)
}

func saveSettings(ctx context.Context, tx tenants.Tx, set map[string]any) error {
	body, err := json.Marshal(set)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.saveSettings
		insert into settings (key, value) select key, value from jsonb_each($1::jsonb)
		on conflict (key) do update set value = excluded.value`, string(body))
	return err
}

// ShopInvoice is an invoice with its customer, in a list of the shop's.
type ShopInvoice struct {
	Invoice
	CustomerName  string `db:"customer_name"`
	CustomerEmail string `db:"customer_email"`
}

// ShopListQ reads the shop's invoices, newest first: those of a status ("overdue"
// too; empty: all) whose number, customer or address holds a text, below what was made
// at a moment and has an id.
func ShopListQ(dst *[]ShopInvoice, status, text string, today, at time.Time, id uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- billing.ShopListQ
		select `+invoiceColumns+`, u.name as customer_name, u.email as customer_email
		from (select i.id from invoices i
		where i.status <> 'draft' and (i.created_at, i.id) < ($4, $6)
		  and ($1 = '' or i.status = $1 or $1 = 'overdue' and i.status = 'open' and i.due_date < $3::date)
		  and ($2 = '' or lower(i.number collate "C") like $2 or i.user_id in (select s.id from users s where $2 <> '' and (s.email like $2 or lower(s.name) like $2)))
		order by i.created_at desc, i.id desc
		limit $5) listed join invoices i on i.id = listed.id join users u on u.id = i.user_id
		order by i.created_at desc, i.id desc`, status, holding(text), today, at, limit, id)
}

// holding is the pattern of texts that hold one, in any case; empty for an empty one.
func holding(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(strings.ToLower(text)), "\x00", ""), "")
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// ShopDetail is an invoice of the shop with what may be done to it.
type ShopDetail struct {
	ShopInvoice
	Lines []Creditable
	Notes []CreditRef
}

// Creditable is a line of an invoice with what earlier credit notes gave back of it.
type Creditable = creditable

// ShopDetailQs read one invoice of the shop, whoever's it is: for staff; fail.NotFound
// when there is none.
func ShopDetailQs(dst *ShopDetail, number string) []tenants.Query {
	return []tenants.Query{
		tenants.GetQ(&dst.ShopInvoice, "invoice", `-- billing.ShopDetailQs
			select `+invoiceColumns+`, u.name as customer_name, u.email as customer_email
			from invoices i join users u on u.id = i.user_id where i.number = $1 and i.status <> 'draft'`, number),
		tenants.ListQ(&dst.Lines, `-- billing.ShopDetailQs, lines
		select `+lineColumns+creditedSQL+`
		where l.invoice_id = (select id from invoices where number = $1 and status <> 'draft') group by l.id order by l.position`, number),
		tenants.ListQ(&dst.Notes, `-- billing.ShopDetailQs, credit notes
			select number, total, currency, reason, created_at from credit_notes
			where invoice_id = (select id from invoices where number = $1 and status <> 'draft') order by created_at, number`, number),
	}
}
