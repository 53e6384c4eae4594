package archive

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

type document struct {
	Number   string    `db:"number"`
	Customer uuid.UUID `db:"user_id"`
}

func documentsQ(dst *[]document) tenants.Query {
	return tenants.ListQ(dst, `-- archive.documents
		select number, user_id from invoices where number is not null order by number`)
}

// settle ends what cannot go on elsewhere: desktops are at the hosts that they were
// made on, so they come stopped, and their next start makes a new one.
var settle = []string{
	`-- archive.noneRuns
	do $$ begin if exists (select from kasm_usage_sessions where stopped_at is null) then
		raise exception 'Desktops were running when this file was made. Stop them and export again; nothing was changed.' using errcode = 'check_violation';
	end if; end $$`,
	`-- archive.settleDesktops
	update kasm_workspaces set kasm_server_id = null, kasm_user_id = null, kasm_workspace_id = null, access_url = '', username = '', observed_state = 'gone',
		desired_state = case desired_state when 'terminated' then desired_state else 'stopped' end`,
	`-- archive.settleCalls
	update webhook_endpoints set status = 'paused'`,
	`-- archive.settleHolds
	update ledger_accounts set held = 0`,
}

func note(ctx context.Context, tx tenants.Tx, actor string) error {
	_, err := tx.Exec(ctx, `-- archive.note
		insert into audit_log (at, actor, action) values ($1, $2, 'shop.exported')`, tx.Now(), actor)
	return err
}
