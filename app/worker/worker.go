// Package worker is the table of everybody who reacts to events and due times.
package worker

import (
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/app/erasure"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/notify"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/workspaces"
)

// Workers are all whose handlers stand in the table.
type Workers struct {
	Workspaces *workspaces.Service
	Reconciler *workspaces.Reconciler
	Ledger     *ledger.Service
	Billing    *billing.Service
	Payments   *payments.Service
	Wholesale  *wholesale.Service
	Dunning    *dunning.Service
	Parking    *parking.Service
	Notify     *notify.Service
	Lifecycle  *lifecycle.Service
	Erasure    *erasure.Service
	Domains    *domains.Service
	Webhooks   *webhooks.Service

	Certificates *certificates.Authority // nil without HTTPS
}

// Table is every durable consumer: its name, what it reacts to, and its handler.
// A name is a promise to the stream: renaming a consumer makes it another one.
func Table(of Workers) []bus.Consumer {
	w, r, b, n := of.Workspaces, of.Reconciler, of.Billing, of.Notify
	return []bus.Consumer{
		// Provisioning makes the desktop hosts follow what was asked for.
		{Name: "provisioning", Names: []string{"workspace.ordered", "workspace.start_requested", "workspace.stop_requested", "workspace.destroy_requested"}, Handle: w.OnChange, Parallel: 8},
		{Name: "provisioning-converge", Names: []string{"converge.due"}, Handle: w.OnConvergeDue, Parallel: 8},
		{Name: "provisioning-deadline", Names: []string{"deadline.due"}, Handle: r.OnDeadlineDue},
		{Name: "provisioning-keepalive", Names: []string{"keepalive.due"}, Handle: w.OnKeepaliveDue},
		{Name: "provisioning-block", Names: []string{"block.charged"}, Handle: w.OnBlockCharged},
		{Name: "provisioning-schedule", Names: []string{"schedule.due"}, Handle: w.OnScheduleDue},

		// Metering: blocks are proven by looking at the hosts; limits and idleness stop desktops.
		{Name: "metering-block", Names: []string{"block.due"}, Handle: r.OnBlockDue},
		{Name: "metering-limit", Names: []string{"limit.due"}, Handle: r.OnLimitDue},
		{Name: "metering-idle", Names: []string{"idle.due"}, Handle: r.OnIdleDue},
		{Name: "metering-reserve", Names: []string{"reserve.due"}, Handle: w.OnReserveDue, Parallel: 32},
		{Name: "metering-funds", Names: []string{"credit.granted", "credit.added", "limits.changed", "funds.changed"}, Handle: w.OnFunds},
		{Name: "ledger-bonus", Names: []string{"bonus.due"}, Handle: of.Ledger.OnBonusDue},

		// Billing closes the months.
		{Name: "billing-cycle", Names: []string{"cycle.due"}, Handle: b.OnCycleDue},
		{Name: "billing-recompute", Names: []string{"recompute.due"}, Handle: b.OnRecomputeDue, Timeout: 30 * time.Minute},
		{Name: "billing-subscription", Names: []string{"subscription.due"}, Handle: b.OnSubscriptionDue},
		{Name: "billing-overbilled", Names: []string{"session.closed", "invoice.finalised"}, Handle: b.OnBilled},
		{Name: "wholesale-due", Names: []string{"wholesale.due"}, Handle: of.Wholesale.OnDue},
		{Name: "payments-wholesale", Names: []string{"wholesale.issued"}, Handle: collectWholesale(of.Payments)},

		// Payments collects, buys credit by itself, and follows what the processor says.
		{Name: "payments-invoice", Names: []string{"invoice.finalised"}, Handle: of.Payments.OnInvoice},
		{Name: "payments-announced", Names: []string{"processor.announced"}, Handle: of.Payments.OnAnnounced},
		{Name: "payments-credit", Names: []string{"balance.low", "block.charged", "invoice.paid"}, Handle: of.Payments.OnCredit},
		{Name: "payments-sweep", Names: []string{"payment_sweep.due"}, Handle: of.Payments.OnSweepDue},
		{Name: "payments-cards", Names: []string{"card_sweep.due"}, Handle: of.Payments.OnSetupDue},
		{Name: "payments-refund", Names: []string{"refund.due"}, Handle: of.Payments.OnRefundDue},
		{Name: "payments-topup", Names: []string{"auto_topup.due"}, Handle: of.Payments.OnTopUpDue},

		// Dunning follows unpaid invoices; parking watches the bounds.
		{Name: "dunning-begin", Names: []string{"invoice.finalised"}, Handle: of.Dunning.OnFinalised},
		{Name: "dunning-step", Names: []string{"dunning.due"}, Handle: of.Dunning.OnDue},
		{Name: "dunning-settled", Names: []string{"invoice.paid", "invoice.voided", "credit_note.issued"}, Handle: of.Dunning.OnSettled},
		{Name: "dunning-failed", Names: []string{"payment.failed"}, Handle: of.Dunning.OnFailed},
		{Name: "dunning-released", Names: []string{"account.released"}, Handle: of.Dunning.OnReleased},
		{Name: "parking-running", Names: []string{"workspace.running"}, Handle: of.Parking.OnRunning},
		{Name: "parking-bounds", Names: []string{"bounds.due"}, Handle: of.Parking.OnDue},
		{Name: "parking-invoice", Names: []string{"invoice.finalised"}, Handle: of.Parking.OnFinalised},
		{Name: "parking-topup", Names: []string{"payment.succeeded"}, Handle: of.Parking.OnTopUp},

		// The life of a reseller: trials end, closed shops are emptied, released and removed.
		{Name: "lifecycle-due", Names: []string{"lifecycle.due"}, Handle: of.Lifecycle.OnDue, Timeout: 5 * time.Minute},
		{Name: "lifecycle-closing", Names: []string{"reseller.closing"}, Handle: of.Lifecycle.OnClosing, Timeout: 5 * time.Minute},

		// Erasure forgets a person once nothing holds it up.
		{Name: "erasure-due", Names: []string{"erasure.due"}, Handle: of.Erasure.OnDue, Timeout: time.Minute},
		{Name: "erasure-erased", Names: []string{erasure.EventErased}, Handle: of.Erasure.OnErased},

		// Certificates follow the names of shops.
		{Name: "certificates-verified", Names: []string{"domain.verified"}, Handle: of.Certificates.OnVerified, Timeout: 2 * time.Minute},
		{Name: "certificates-removed", Names: []string{"domain.removed"}, Handle: of.Certificates.OnRemoved},

		// Domains are looked at again in their time.
		{Name: "domains-due", Names: []string{"domain.due"}, Handle: of.Domains.OnDue, Timeout: time.Minute, Parallel: 8},

		// Webhooks tell the shops' own systems; who fails or is slow queues apart.
		{Name: "webhooks-event", Names: webhooks.Names(), Handle: of.Webhooks.OnEvent, Parallel: 8},
		{Name: "webhooks-send", Names: []string{"webhook.due"}, Handle: of.Webhooks.OnDue, Parallel: 32},
		{Name: "webhooks-slow", Names: []string{"webhook_slow.due"}, Handle: of.Webhooks.OnDue, Parallel: 32},

		// Notify writes to people, once each, and alerts the provider.
		{Name: "notify-account", Names: []string{"tenant.created", "user.invited", "user.registered", "user.register_repeated", "user.verification_requested", "user.reset_requested", "user.made_staff"}, Handle: n.OnAccount},
		{Name: "notify-workspace", Names: []string{"workspace.running", "workspace.failed", "workspace.stopped", "workspace.idle_warning", "workspace.schedule_refused"}, Handle: n.OnWorkspace},
		{Name: "notify-invoice", Names: []string{"invoice.finalised", "credit_note.issued"}, Handle: n.OnInvoice},
		{Name: "notify-dunning", Names: []string{"dunning.reminded", "dunning.warned", "dunning.suspended", "dunning.terminated", "dunning.resumed"}, Handle: n.OnDunning},
		{Name: "notify-parked", Names: []string{"account.parked", "account.parked_notice", "account.released"}, Handle: n.OnParked},
		{Name: "notify-payment", Names: []string{"payment.succeeded", "payment.failed", "refund.succeeded", "refund.failed", "topup.refused"}, Handle: n.OnPayment},
		{Name: "notify-dispute", Names: []string{"payment.disputed"}, Handle: n.OnDisputed},
		{Name: "notify-wholesale", Names: []string{"wholesale.issued", "wholesale.reminder", "wholesale.past_due", "wholesale.suspended", "wholesale.paid"}, Handle: n.OnWholesale},
		{Name: "notify-reseller", Names: []string{"reseller.trial_set", "reseller.trial_ending", "reseller.trial_ended", "reseller.suspended", "reseller.resumed", "reseller.closing", "reseller.released", "reseller.removal_near"}, Handle: n.OnReseller},
		{Name: "notify-domain", Names: []string{"domain.lapsed", "domain.released"}, Handle: n.OnDomain},
		{Name: "notify-webhook", Names: []string{webhooks.EventSwitchedOff}, Handle: n.OnWebhook},
		{Name: "notify-credit", Names: []string{"balance.low", "workspace.stop_requested"}, Handle: n.OnCredit},
		{Name: "notify-alert", Names: []string{"workspace.failed"}, Handle: n.OnFailed},
		{Name: "notify-attention", Names: []string{"attention.raised"}, Handle: n.OnAttention},
	}
}
