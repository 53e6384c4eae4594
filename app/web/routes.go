package web

import (
	"net/http"

	"github.com/labstack/echo/v5"
)

// place says on which hosts a route answers; elsewhere it is 404.
type place int

const (
	anywhere place = iota // every shop, the provider's own included
	central               // the provider's host only
)

// guard says who may come in. The guard decides by host and session alone and
// reads nothing; the handlers read the person together with their page.
type guard int

const (
	open     guard = iota // anybody
	visitor               // anybody; the shop's session is loaded, to know who it is or to let them in
	customer              // somebody signed in to this shop
	staff                 // an owner or staff member of this shop
	reseller              // the same, signed in at the central host's /reseller
	owner                 // likewise, and an owner of it
	atDesk                // nobody yet, at the reseller's door
	operator              // a person of the provider
	atAdmin               // nobody yet, at the operators' door
	apiKey                // a program with a customer's key
)

// Route is one line of the table.
type Route struct {
	Method, Path string
	on           place
	guard        guard
	handle       echo.HandlerFunc
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// table is every route there is, in one place.
func (s *server) table() []Route {
	return []Route{
		// The shop: the front and the doors.
		{get, "/", anywhere, visitor, s.home},
		{get, "/sign-up", anywhere, visitor, s.signUpPage},
		{post, "/sign-up", anywhere, visitor, s.signUp},
		{get, "/sign-in", anywhere, visitor, s.signInPage},
		{post, "/sign-in", anywhere, visitor, s.signIn},
		{post, "/sign-out", anywhere, visitor, s.signOut},
		{get, "/forgot", anywhere, visitor, s.forgotPage},
		{post, "/forgot", anywhere, visitor, s.forgot},
		{get, "/reset/:token", anywhere, visitor, s.resetPage},
		{post, "/reset/:token", anywhere, visitor, s.reset},
		{get, "/verify/:token", anywhere, visitor, s.verifyPage},
		{post, "/verify/:token", anywhere, visitor, s.verify},
		{post, "/verify", anywhere, customer, s.resendVerification},

		// The customer's desktops.
		{get, "/kasm/order", anywhere, customer, s.orderPage},
		{post, "/kasm/order", anywhere, customer, s.order},
		{get, "/services/:id", anywhere, customer, s.serviceRedirect},
		{get, "/workspaces/:id", anywhere, customer, s.workspacePage},
		{get, "/workspaces/:id/card", anywhere, customer, s.workspaceCard},
		{get, "/workspaces/:id/launch", anywhere, customer, s.launch},
		{get, enterRoute, anywhere, open, s.enterDesktop},
		{echo.RouteAny, desktopRoute, anywhere, open, s.desktop},
		{post, "/workspaces/:id/start", anywhere, customer, s.startWorkspace},
		{post, "/workspaces/:id/stop", anywhere, customer, s.stopWorkspace},
		{post, "/workspaces/:id/fresh", anywhere, customer, s.startFresh},
		{post, "/workspaces/:id/extend", anywhere, customer, s.extend},
		{post, "/workspaces/:id/idle", anywhere, customer, s.setIdleStop},
		{post, "/workspaces/:id/limit", anywhere, customer, s.setLimit},
		{post, "/workspaces/:id/schedule", anywhere, customer, s.setSchedule},
		{post, "/workspaces/:id/schedule/remove", anywhere, customer, s.removeSchedule},
		{post, "/workspaces/:id/destroy", anywhere, customer, s.destroyWorkspace},

		// What it costs.
		{get, "/sessions", anywhere, customer, s.sessionsPage},
		{get, "/usage", anywhere, customer, s.usagePage},
		{get, "/usage/total", anywhere, customer, s.usageTotal},
		{get, "/invoices", anywhere, customer, s.invoicesPage},
		{get, "/sessions/:id/blocks", anywhere, customer, s.sessionBlocks},
		{get, "/usage.pdf", anywhere, customer, s.statementPDF},
		{get, "/invoices.csv", anywhere, customer, s.invoicesCSV},
		{get, "/invoices.json", anywhere, customer, s.invoicesJSON},
		{get, "/invoices/:number", anywhere, customer, s.invoicePage}, // and .pdf, .csv, .json after the number
		{get, "/invoices/:number/lines/:position", anywhere, customer, s.invoiceLine},
		{get, "/credit-notes/:number", anywhere, customer, s.creditNotePage}, // and .pdf
		{get, "/billing", anywhere, customer, s.billingPage},
		{get, "/billing/balance", anywhere, customer, s.billingBalance},
		{get, "/billing/ledger", anywhere, customer, s.ledgerPage},
		{get, "/billing/ledger.csv", anywhere, customer, s.ledgerFile},
		{post, "/billing/limits", anywhere, customer, s.setLimits},
		{post, "/billing/pay-mode", anywhere, customer, s.setPayMode},
		{post, "/billing/details", anywhere, customer, s.setDetails},
		{post, "/billing/auto-top-up", anywhere, customer, s.setAutoTopUp},
		{post, "/billing/coupon", anywhere, customer, s.redeemCoupon},
		{post, "/billing/subscriptions/:id/cancel", anywhere, customer, s.cancelSubscription},
		{post, "/billing/subscriptions/:id/keep", anywhere, customer, s.keepSubscription},
		{post, "/billing/top-up", anywhere, customer, s.topUp},
		{get, "/billing/top-up/done", anywhere, customer, s.topUpDone},
		{post, "/invoices/:number/pay", anywhere, customer, s.payInvoice},
		{get, "/payments/:id/confirm", anywhere, customer, s.paymentPage},
		{post, "/payments/:id/confirm", anywhere, customer, s.confirmPayment},
		{get, "/settings/cards", anywhere, customer, s.cardsPage},
		{post, "/settings/cards", anywhere, customer, s.saveCard},
		{get, "/settings/cards/done", anywhere, customer, s.cardDone},
		{post, "/settings/cards/:id/remove", anywhere, customer, s.removeCard},
		{post, "/settings/cards/:id/default", anywhere, customer, s.defaultCard},
		{get, "/settings/keys", anywhere, customer, s.keysPage},
		{post, "/settings/keys", anywhere, customer, s.createKey},
		{post, "/settings/keys/:id/revoke", anywhere, customer, s.revokeKey},
		{get, "/events", anywhere, customer, s.events},
		{get, actingEnter, anywhere, open, s.enterActing}, // somebody of the staff, in a customer's name
		{post, actingEnd, anywhere, open, s.endActing},

		// The reseller's people, on the central host and on their own.
		{get, "/reseller/sign-in", anywhere, atDesk, s.resellerSignInPage},
		{post, "/reseller/sign-in", anywhere, atDesk, s.resellerSignIn},
		{post, "/reseller/sign-out", anywhere, atDesk, s.resellerSignOut},
		{get, "/reseller", anywhere, reseller, s.resellerPage},
		{get, "/reseller/guide", anywhere, reseller, s.guidePage},
		{get, "/reseller/guide/:chapter", anywhere, reseller, s.guidePage},
		{get, "/reseller/invoices.csv", anywhere, reseller, s.shopInvoicesCSV},
		{get, "/reseller/customers", anywhere, reseller, s.customersPage},
		{post, "/reseller/customers", anywhere, reseller, s.createCustomer},
		{get, "/reseller/customers.csv", anywhere, reseller, s.customersCSV},
		{get, "/reseller/workspaces", anywhere, reseller, s.desktopsPage},
		{get, "/reseller/workspaces.csv", anywhere, reseller, s.desktopsCSV},
		{post, "/reseller/workspaces/:id/stop", anywhere, reseller, s.stopShopDesktop},
		{get, "/reseller/usage", anywhere, reseller, s.shopUsagePage},
		{get, "/reseller/usage.csv", anywhere, reseller, s.shopUsageCSV},
		{get, "/reseller/customers/:id", anywhere, reseller, s.customerPage},
		{post, "/reseller/customers/:id/act", anywhere, reseller, s.actAsCustomer},
		{post, "/reseller/customers/:id/suspend", anywhere, reseller, s.suspendCustomer},
		{post, "/reseller/customers/:id/resume", anywhere, reseller, s.resumeCustomer},
		{post, "/reseller/customers/:id/credit", anywhere, reseller, s.grantCredit},
		{get, "/reseller/billing", anywhere, reseller, s.shopTermsPage},
		{post, "/reseller/billing", anywhere, reseller, s.setShopTerms},
		{get, "/reseller/plans", anywhere, reseller, s.shopPlansPage},
		{post, "/reseller/plans", anywhere, reseller, s.setShopPlan},
		{get, "/reseller/pricing", anywhere, reseller, s.pricingPage},
		{post, "/reseller/pricing", anywhere, reseller, s.setPrice},
		{get, "/reseller/pricing/margin", anywhere, reseller, s.marginPart},
		{post, "/reseller/pricing/keep", anywhere, reseller, s.keepPrices},
		{post, "/reseller/pricing/plans", anywhere, reseller, s.addPlan},
		{post, "/reseller/pricing/retire", anywhere, reseller, s.retirePlan},
		{post, "/reseller/pricing/restore", anywhere, reseller, s.restorePlan},
		{post, "/reseller/pricing/rules", anywhere, reseller, s.setRule},
		{post, "/reseller/pricing/rules/:id/remove", anywhere, reseller, s.removeRule},
		{get, "/reseller/pricing/preview", anywhere, reseller, s.pricingPreview},
		{post, "/reseller/pricing/apply", anywhere, reseller, s.applyRules},
		{post, "/reseller/first-steps/hide", anywhere, reseller, s.hideFirstSteps},
		{get, "/reseller/staff", anywhere, owner, s.teamPage},
		{post, "/reseller/staff", anywhere, owner, s.inviteStaff},
		{post, "/reseller/staff/:id/invite", anywhere, owner, s.inviteAgain},
		{post, "/reseller/staff/:id/role", anywhere, owner, s.setStaffRole},
		{post, "/reseller/staff/:id/remove", anywhere, owner, s.removeStaff},
		{get, "/reseller/keys", anywhere, reseller, s.staffKeysPage},
		{post, "/reseller/keys", anywhere, reseller, s.createStaffKey},
		{post, "/reseller/keys/:id/revoke", anywhere, reseller, s.revokeStaffKey},
		{get, "/reseller/webhooks", anywhere, owner, s.webhooksPage},
		{post, "/reseller/webhooks", anywhere, owner, s.addWebhook},
		{get, "/reseller/webhooks/:id", anywhere, owner, s.webhookPage},
		{post, "/reseller/webhooks/:id", anywhere, owner, s.changeWebhook},
		{post, "/reseller/webhooks/:id/test", anywhere, owner, s.testWebhook},
		{post, "/reseller/webhooks/:id/again", anywhere, owner, s.sendWebhookAgain},
		{post, "/reseller/webhooks/:id/secret", anywhere, owner, s.newWebhookSecret},
		{post, "/reseller/webhooks/:id/pause", anywhere, owner, s.pauseWebhook},
		{post, "/reseller/webhooks/:id/resume", anywhere, owner, s.resumeWebhook},
		{post, "/reseller/webhooks/:id/remove", anywhere, owner, s.removeWebhook},
		{get, "/reseller/audit", anywhere, reseller, s.activityPage},
		{get, "/reseller/audit.csv", anywhere, reseller, s.activityCSV},
		{get, uploadRoute, anywhere, reseller, s.brandingPage},
		{post, uploadRoute, anywhere, reseller, s.saveBranding},
		{post, "/reseller/branding/sender", anywhere, reseller, s.checkSender},
		{post, "/reseller/branding/preview", anywhere, reseller, s.previewBranding},
		{get, "/reseller/branding/preview.css", anywhere, reseller, s.previewCSS},
		{get, "/reseller/branding/logo", anywhere, reseller, s.consoleLogo},
		{get, "/reseller/coupons", anywhere, reseller, s.shopCouponsPage},
		{post, "/reseller/coupons", anywhere, reseller, s.createCoupon},
		{post, "/reseller/coupons/assign", anywhere, reseller, s.assignCoupon},
		{post, "/reseller/coupons/retire", anywhere, reseller, s.retireCoupon},
		{get, "/reseller/taxes", anywhere, reseller, s.shopTaxesPage},
		{post, "/reseller/taxes", anywhere, reseller, s.setTax},
		{post, "/reseller/taxes/retire", anywhere, reseller, s.retireTax},
		{get, "/reseller/invoices", anywhere, reseller, s.shopInvoicesPage},
		{get, "/reseller/invoices/:number", anywhere, reseller, s.shopInvoicePage},
		{post, "/reseller/invoices/:number/credit", anywhere, reseller, s.creditShopInvoice},
		{post, "/reseller/invoices/:number/void", anywhere, reseller, s.voidShopInvoice},
		{post, "/reseller/invoices/:number/paid", anywhere, reseller, s.payShopInvoice},
		{get, exportPath, anywhere, owner, s.exportPage},
		{post, exportPath, anywhere, owner, s.exportShop},
		{get, "/reseller/wholesale", anywhere, owner, s.resellerWholesale},
		{get, "/reseller/wholesale/:number", anywhere, owner, s.resellerWholesaleInvoice},
		{post, "/reseller/wholesale/:number/pay", anywhere, owner, s.payWholesale},
		{get, "/reseller/wholesale/lines/:id", anywhere, owner, s.resellerWholesaleLine},
		{get, "/reseller/settlement", anywhere, owner, s.resellerSettlement},
		{get, "/reseller/settlement/lines/:id", anywhere, owner, s.resellerSettlementLine},
		{get, "/reseller/domains", anywhere, owner, s.domainsPage},
		{post, "/reseller/domains", anywhere, owner, s.addDomain},
		{get, "/reseller/domains/:id", anywhere, owner, s.domainCard},
		{post, "/reseller/domains/:id/check", anywhere, owner, s.checkDomain},
		{post, "/reseller/domains/:id/primary", anywhere, owner, s.makeDomainPrimary},
		{post, "/reseller/domains/:id/certificate", anywhere, owner, s.orderCertificate},
		{post, "/reseller/domains/:id/remove", anywhere, owner, s.removeDomain},
		{get, "/reseller/parked", anywhere, reseller, s.parkedPage},
		{post, "/reseller/parked/:id/release", anywhere, reseller, s.releaseParked},
		{get, "/reseller/rehearsal", anywhere, reseller, s.rehearsal},
		{post, "/reseller/rehearsal", anywhere, reseller, s.issueRehearsed},
		{post, "/reseller/customers/:id/limits", anywhere, reseller, s.setCustomerLimits},
		{post, "/reseller/customers/:id/bonus", anywhere, reseller, s.giveBonus},
		{post, "/reseller/customers/:id/pay-mode", anywhere, reseller, s.setCustomerPayMode},
		{post, "/reseller/customers/:id/release", anywhere, reseller, s.releaseCustomer},
		{post, "/reseller/customers/:id/erase", anywhere, owner, s.eraseCustomer},
		{get, "/reseller/payments", anywhere, owner, s.shopPayments},
		{post, "/reseller/payments/keys", anywhere, owner, s.setStripeKeys},
		{post, "/reseller/payments/:id/refund", anywhere, owner, s.refundPayment},

		// The provider's people.
		{get, "/admin/sign-in", central, atAdmin, s.adminSignInPage},
		{post, "/admin/sign-in", central, atAdmin, s.adminSignIn},
		{post, "/admin/sign-out", central, atAdmin, s.adminSignOut},
		{get, "/admin", central, operator, s.adminPage},
		{get, "/admin/resellers", central, operator, s.resellersPage},
		{get, "/admin/resellers.csv", central, operator, s.resellersCSV},
		{post, "/admin/resellers", central, operator, s.createReseller},
		{get, "/admin/resellers/:slug", central, operator, s.adminReseller},
		{post, "/admin/resellers/:slug/terms", central, operator, s.changeTerms},
		{post, "/admin/resellers/:slug/act", central, operator, s.actAsReseller},
		{post, "/admin/resellers/:slug/export", central, operator, s.exportReseller},
		{post, "/admin/resellers/:slug/suspend", central, operator, s.suspendReseller},
		{post, "/admin/resellers/:slug/resume", central, operator, s.resumeReseller},
		{post, "/admin/resellers/:slug/trial", central, operator, s.setResellerTrial},
		{post, "/admin/resellers/:slug/close", central, operator, s.closeReseller},
		{get, "/admin/wholesale", central, operator, s.adminWholesale},
		{post, "/admin/wholesale/settings", central, operator, s.saveWholesaleSettings},
		{get, "/admin/wholesale/rehearsal", central, operator, s.adminWholesaleRehearsal},
		{get, "/admin/wholesale/lines/:slug/:id", central, operator, s.adminWholesaleLine},
		{get, "/admin/wholesale/:number", central, operator, s.adminWholesaleInvoice},
		{post, "/admin/wholesale/:number/paid", central, operator, s.markWholesalePaid},
		{post, "/admin/wholesale/:number/step", central, operator, s.takeWholesaleStep},
		{get, "/admin/settlement", central, operator, s.adminSettlement},
		{get, "/admin/catalog", central, operator, s.catalogPage},
		{post, "/admin/catalog", central, operator, s.addShape},
		{post, "/admin/catalog/floor", central, operator, s.setFloor},
		{get, "/admin/catalog/:id", central, operator, s.shapePage},
		{post, "/admin/catalog/:id", central, operator, s.setShape},
		{get, "/admin/tiers", central, operator, s.tiersPage},
		{post, "/admin/tiers", central, operator, s.addTier},
		{get, "/admin/tiers/:id", central, operator, s.tierPage},
		{post, "/admin/tiers/:id", central, operator, s.setTier},
		{post, "/admin/tiers/:id/remove", central, operator, s.removeTier},
		{post, "/admin/dead-letters/:id/retry", central, operator, s.retryDeadLetter},
		{post, "/admin/dead-letters/:id/discard", central, operator, s.discardDeadLetter},
		{get, "/admin/jobs", central, operator, s.jobsPage},
		{post, "/admin/timers/:shop/:kind", central, operator, s.hurryTimer},
		{get, "/admin/audit", central, operator, s.auditPage},
		{get, "/admin/audit.csv", central, operator, s.auditCSV},
		{get, "/admin/settings", central, operator, s.settingsPage},
		{post, "/admin/settings", central, operator, s.saveSettings},
		{get, "/admin/operators", central, operator, s.operatorsPage},
		{post, "/admin/operators", central, operator, s.createOperator},
		{post, "/admin/operators/:id/password", central, operator, s.resetOperator},
		{post, "/admin/operators/:id/remove", central, operator, s.removeOperator},
		{get, "/admin/attention", central, operator, s.attention},
		{get, "/admin/attention.csv", central, operator, s.attentionCSV},
		{post, "/admin/attention/:id/settle", central, operator, s.settleAttention},
		{get, "/admin/parked", central, operator, s.adminParkedPage},
		{post, "/admin/parked/:shop/:id/release", central, operator, s.adminReleaseParked},
		{get, "/admin/rehearsal", central, operator, s.adminRehearsalPage},
		{post, "/admin/rehearsal/:shop/issue", central, operator, s.adminIssueRehearsed},
		{get, "/admin/domains", central, operator, s.adminDomains},
		{get, "/admin/domains.csv", central, operator, s.adminDomainsCSV},
		{post, "/admin/domains", central, operator, s.adminVouch},
		{post, "/admin/domains/:id/:step", central, operator, s.adminDomainStep},
		{get, "/admin/servers", central, operator, s.serversPage},
		{post, "/admin/servers", central, operator, s.createServer},
		{get, "/admin/servers/:id", central, operator, s.serverPage},
		{post, "/admin/servers/:id", central, operator, s.editServer},
		{post, "/admin/servers/:id/test", central, operator, s.testServer},
		{post, "/admin/servers/:id/drain", central, operator, s.drainServer},
		{post, "/admin/servers/:id/activate", central, operator, s.activateServer},
		{post, "/admin/servers/:id/retire", central, operator, s.retireServer},
		{post, "/admin/servers/:id/images", central, operator, s.createServerImages},
		{post, "/admin/servers/:id/images/sync", central, operator, s.syncServerImages},
		{post, "/admin/workspaces/:shop/:id/force", central, operator, s.forceWorkspace},

		// The public API.
		{post, "/api/public/create_workspace", anywhere, apiKey, s.apiCreate},
		{post, "/api/public/start_workspace", anywhere, apiKey, s.apiStart},
		{post, "/api/public/stop_workspace", anywhere, apiKey, s.apiStop},
		{post, "/api/public/destroy_workspace", anywhere, apiKey, s.apiDestroy},
		{get, "/api/public/workspace_status", anywhere, apiKey, s.apiStatus},
		{get, "/api/public/workspaces", anywhere, apiKey, s.apiWorkspaces},
		{get, "/api/public/sessions", anywhere, apiKey, s.apiSessions},
		{get, "/api/public/usage", anywhere, apiKey, s.apiUsage},
		{get, "/api/public/invoices", anywhere, apiKey, s.apiInvoices},
		{get, "/api/public/invoices/:number", anywhere, apiKey, s.apiInvoice},
		{get, "/api/public/balance", anywhere, apiKey, s.apiBalance},
		{get, "/api/public/customers", anywhere, apiKey, s.apiCustomers},

		// For machines, and for tests of the whole.
		{post, "/webhooks/stripe", anywhere, open, s.stripeHook},
		{get, "/brand.css", anywhere, open, s.brandCSS},
		{get, "/brand-custom.css", anywhere, open, s.brandCustomCSS},
		{get, "/brand/:name", anywhere, open, s.brandPicture},
		{get, "/favicon.svg", anywhere, open, s.favicon},
		{get, "/assets/*", anywhere, open, s.assets},
		{get, probeRoute, anywhere, open, s.answerProbe},
		{get, "/healthz", anywhere, open, s.alive},
		{get, "/readyz", anywhere, open, s.ready},
		{get, "/metrics", anywhere, open, s.metrics},
		{get, "/api/test/clock", central, open, s.readTestClock},
		{post, "/api/test/clock", central, open, s.moveTestClock},
		{get, "/demo/mail", central, open, s.mailOutbox},
		{get, "/demo/mail/:id", central, open, s.mailMessage},
	}
}

// Routes lists methods and paths, for tests that walk every route there is.
func Routes() []Route { return (&server{}).table() }
