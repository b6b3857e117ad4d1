package web

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/auth"
)

const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes are all addresses of the product, in the order of the manual. Where a word would stand beside another route's
// parameter, as /tickets/bulk does, it is a word of the table: httprouter knows one of both.
func (s *Server) routes() {
	s.signInRoutes(s.table)
	s.apiRoutes(s.table)
	s.portalRoutes(s.table)
	s.consoleRoutes(s.table)
	s.settingsRoutes()
	s.styleRoutes()
	s.table.add(anyHost, get, "/static/:file", s.open(s.asset))
}

func (s *Server) signInRoutes(t *table) {
	// The redirect login, and what becomes of its token.
	t.add(anyHost, post, "/api/auth/redirect/:slug", s.open(s.redirectLogin))
	t.add(tenantHosts, get, "/auth/callback", s.open(s.callback))
	t.add(tenantHosts, http.MethodOptions, "/auth/callback", s.open(s.callback))
	t.add(tenantHosts, post, "/auth/callback", s.form(s.confirm))
	t.add(tenantHosts, get, "/auth/continue", s.open(s.resume))
	t.add(tenantHosts, post, "/auth/continue", s.form(s.confirm))

	// The JWT login.
	t.add(anyHost, post, "/api/jwt/login", s.open(s.jwtLogin))

	// SimpleAuth. The operators' doors lie below the tenant's own folder.
	for _, door := range []struct {
		path string
		h    handler
	}{
		{"/simpleauth/login", s.simpleLogin},
		{"/simpleauth/logout", s.simpleLogout},
		{"/admin/simpleauth/login", s.operatorLogin},
		{"/admin/simpleauth/logout", s.operatorLogout},
	} {
		t.add(anyHost, get, door.path, s.open(door.h))
		t.add(anyHost, post, door.path, s.open(door.h))
		t.add(anyHost, http.MethodOptions, door.path, s.open(door.h))
	}

	// The widget on partners' pages.
	t.add(anyHost, get, "/widget.js", s.open(s.widgetScript))
	t.add(tenantHosts, get, "/.well-known/deskgate/widget", s.open(s.findWidget))
	t.add(tenantHosts, get, "/widget/frame", s.open(s.widgetFrame))
	t.add(tenantHosts, post, "/widget/session", s.form(s.identifyInWidget))
	t.add(tenantHosts, post, "/widget/session/resume", s.form(s.resumeWidget))
	t.add(tenantHosts, post, "/widget/session/end", s.form(s.endWidget))
	t.add(tenantHosts, post, "/widget/code", s.form(s.checkWidgetCode))
	t.add(tenantHosts, post, "/widget/code/send", s.form(s.sendWidgetCode))
	t.add(tenantHosts, post, "/widget/handoff", s.form(s.leaveWidget))

	// The language that a browser is spoken to in.
	t.add(tenantHosts, post, "/auth/language", s.form(s.chooseLanguage))

	// Test helpers.
	t.add(anyHost, post, "/api/test/auth/redirect/:slug", s.open(s.testRedirect))
	t.add(anyHost, get, "/test-auth-redirect", s.open(s.fetchTrial))
	t.add(anyHost, get, "/test-auth-redirect-form", s.open(s.formTrial))
	t.add(anyHost, post, "/test-auth-redirect-form", s.form(s.tryForm))
	t.add(anyHost, get, "/integration", s.open(s.guidePage))
}

func (s *Server) apiRoutes(t *table) {
	s.apiRoute(get, "/tickets", auth.TicketsRead, s.listTickets)
	s.apiRoute(post, "/tickets", auth.TicketsWrite, s.createTicket)
	s.apiWord(post, "/tickets/bulk", auth.TicketsWrite, s.changeTickets)
	s.apiRoute(get, "/tickets/:id", auth.TicketsRead, s.showTicket)
	s.apiRoute(put, "/tickets/:id", auth.TicketsWrite, s.changeTicket)
	s.apiRoute(patch, "/tickets/:id", auth.TicketsWrite, s.changeTicket)
	s.apiRoute(del, "/tickets/:id", auth.TicketsDelete, s.deleteTicket)
	s.apiRoute(get, "/tickets/:id/comments", auth.TicketsRead, s.listComments)
	s.apiRoute(post, "/tickets/:id/comments", auth.TicketsWrite, s.createComment)
	s.apiRoute(get, "/tickets/:id/activity", auth.TicketsRead, s.listActivity)
	s.apiRoute(put, "/tickets/:id/rating", auth.TicketsWrite, s.rateTicket)
	s.apiRoute(post, "/tickets/:id/restore", auth.TicketsDelete, s.restoreTicket)
	s.apiRoute(post, "/attachments", auth.TicketsWrite, s.createAttachments)
	s.apiRoute(get, "/attachments/:id", auth.TicketsRead, s.showAttachment)
	s.apiRoute(del, "/attachments/:id", auth.TicketsWrite, s.deleteAttachment)
	s.apiRoute(post, "/tickets/:id/merge", auth.TicketsWrite, s.mergeTicket)
	s.apiRoute(post, "/tickets/:id/split", auth.TicketsWrite, s.splitTicket)
	s.apiRoute(get, "/views", auth.TicketsRead, s.listViews)
	s.apiRoute(post, "/views", auth.TicketsWrite, s.createView)
	s.apiRoute(get, "/views/:id", auth.TicketsRead, s.showView)
	s.apiRoute(put, "/views/:id", auth.TicketsWrite, s.changeView)
	s.apiRoute(del, "/views/:id", auth.TicketsWrite, s.deleteView)
	s.apiRoute(get, "/canned-replies", auth.TicketsRead, s.listReplies)
	s.apiRoute(post, "/canned-replies", auth.TicketsWrite, s.createReply)
	s.apiRoute(get, "/canned-replies/:id", auth.TicketsRead, s.showReply)
	s.apiRoute(put, "/canned-replies/:id", auth.TicketsWrite, s.changeReply)
	s.apiRoute(del, "/canned-replies/:id", auth.TicketsWrite, s.deleteReply)
	s.apiRoute(get, "/categories", auth.TicketsRead, s.listCategories)
	s.apiRoute(post, "/categories", auth.TenantWrite, s.createCategory)
	s.apiRoute(get, "/categories/:id", auth.TicketsRead, s.showCategory)
	s.apiRoute(put, "/categories/:id", auth.TenantWrite, s.changeCategory)
	s.apiRoute(del, "/categories/:id", auth.TenantWrite, s.deleteCategory)
	s.automationRoutes()
	s.apiRoute(get, "/tenant", auth.TenantRead, s.showTenant)
	s.apiRoute(put, "/tenant", auth.TenantWrite, s.changeTenant)
	s.peopleRoutes()
	s.eventRoutes()
	s.apiRoute(get, "/audit", auth.AuditRead, s.listAudit)
	s.apiRoute(post, "/test/jwt", auth.TenantWrite, s.testJWT)
	t.add(anyHost, get, "/api/openapi.json", s.counted(s.describe))
	t.add(anyHost, get, "/api/v1/openapi.json", s.counted(s.describe))
	for _, path := range []string{referencePath, "/api/v1/docs"} {
		t.add(anyHost, get, path, s.counted(s.referencePage))
		t.add(anyHost, get, path+"/:group", s.counted(s.referenceGroupPage))
	}
}

// peopleRoutes are those of the API about who has rights: requesters, programs, hosts.
func (s *Server) peopleRoutes() {
	s.apiRoute(get, "/users", auth.UsersRead, s.listUsers)
	s.apiRoute(post, "/users", auth.UsersWrite, s.createUser)
	s.apiWord(get, "/users/me", 0, s.showMe)
	s.apiRoute(get, "/users/:id", auth.UsersRead, s.showUser)
	s.apiRoute(put, "/users/:id", auth.UsersWrite, s.changeUser)
	s.apiRoute(get, "/users/:id/export", auth.UsersRead|auth.AuditRead, s.exportUser)
	s.apiRoute(post, "/users/:id/erase", auth.UsersWrite|auth.TicketsDelete, s.eraseUser)
	s.apiRoute(get, "/tokens", auth.TenantWrite, s.listTokens)
	s.apiRoute(post, "/tokens", auth.TenantWrite, s.createToken)
	s.apiRoute(del, "/tokens/:id", auth.TenantWrite, s.revokeToken)
	s.apiRoute(get, "/tenant/domains", auth.TenantRead, s.listDomains)
	s.apiRoute(post, "/tenant/domains", auth.TenantWrite, s.addDomain)
	s.apiRoute(get, "/tenant/domains/:host", auth.TenantRead, s.showDomain)
	s.apiRoute(del, "/tenant/domains/:host", auth.TenantWrite, s.removeDomain)
	s.apiRoute(post, "/tenant/domains/:host/verify", auth.TenantWrite, s.verifyDomain)
	s.apiRoute(get, "/tenant/domains/:host/certificate", auth.TenantRead, s.showCertificate)
	s.apiRoute(put, "/tenant/domains/:host/certificate", auth.TenantWrite, s.setCertificate)
	s.apiRoute(del, "/tenant/domains/:host/certificate", auth.TenantWrite, s.removeCertificate)
}

// eventRoutes are those of what happens, and of whom that is told to.
func (s *Server) eventRoutes() {
	s.apiRoute(get, "/events", auth.EventsRead, s.listEvents)
	s.apiRoute(get, "/events/stream", auth.EventsRead, s.streamEvents)
	s.apiRoute(get, "/webhooks", auth.WebhooksWrite, s.listWebhooks)
	s.apiRoute(post, "/webhooks", auth.WebhooksWrite, s.createWebhook)
	s.apiRoute(get, "/webhooks/:id", auth.WebhooksWrite, s.showWebhook)
	s.apiRoute(put, "/webhooks/:id", auth.WebhooksWrite, s.changeWebhook)
	s.apiRoute(del, "/webhooks/:id", auth.WebhooksWrite, s.deleteWebhook)
	s.apiRoute(post, "/webhooks/:id/test", auth.WebhooksWrite, s.testWebhook)
	s.apiRoute(post, "/webhooks/:id/rotate", auth.WebhooksWrite, s.rotateWebhook)
	s.apiRoute(get, "/webhooks/:id/deliveries", auth.WebhooksWrite, s.listDeliveries)
	s.apiRoute(post, "/webhooks/:id/deliveries/:delivery/retry", auth.WebhooksWrite, s.retryDelivery)
}

// automationRoutes are those of rules, targets and reports, by the API and in the console's settings.
func (s *Server) automationRoutes() {
	s.apiRoute(get, "/rules", auth.TenantRead, s.listRules)
	s.apiRoute(post, "/rules", auth.TenantWrite, s.createRule)
	s.apiRoute(get, "/rules/:id", auth.TenantRead, s.showRule)
	s.apiRoute(put, "/rules/:id", auth.TenantWrite, s.changeRule)
	s.apiRoute(del, "/rules/:id", auth.TenantWrite, s.deleteRule)
	s.apiRoute(post, "/rules/:id/try", auth.TenantWrite, s.tryRule)
	s.apiRoute(get, "/sla", auth.TenantRead, s.showPolicy)
	s.apiRoute(put, "/sla", auth.TenantWrite, s.changePolicy)
	s.apiRoute(get, "/reports", auth.TenantRead, s.showReport)
	s.settingsRoute(get, rulesPath, s.rulesPage)
	s.settingsRoute(get, rulesPath+"/:id", s.rulePage)
	s.settingsRoute(post, rulesPath+"/:id", s.saveRule)
	s.settingsRoute(post, rulesPath+"/:id/order", s.orderRule)
	s.settingsRoute(get, policyPath, s.policyPage)
	s.settingsRoute(post, policyPath, s.savePolicy)
}

func (s *Server) portalRoutes(t *table) {
	t.add(nodeHosts, get, "/", s.open(s.nodePage))
	t.add(tenantHosts, get, "/", s.open(s.home))
	t.add(tenantHosts, get, logoPath, s.open(s.logo))
	t.add(tenantHosts, get, "/dashboard", s.portal(s.dashboard))
	t.add(tenantHosts, get, "/tickets", s.portal(s.ticketsPage))
	t.add(tenantHosts, post, "/tickets", s.portal(s.fileTicket))
	t.add(tenantHosts, get, "/tickets/:number", s.staffToo(s.portal(s.leadOn(s.threadPage))))
	t.add(tenantHosts, post, "/tickets/:number/reply", s.portal(s.reply))
	t.add(tenantHosts, post, "/tickets/:number/solved", s.portal(s.markSolved))
	t.add(tenantHosts, post, "/tickets/:number/reopen", s.portal(s.reopen))
	t.add(tenantHosts, get, "/auth/confirm", s.portal(s.confirmPage))
	t.add(tenantHosts, post, "/auth/confirm", s.portal(s.confirmCode))
	t.add(tenantHosts, post, "/auth/confirm/send", s.portal(s.sendCode))
	t.add(tenantHosts, get, "/auth/claim", s.portal(s.claimPage))
	t.add(tenantHosts, post, "/auth/claim", s.portal(s.answerClaim))
	t.add(tenantHosts, post, "/tickets/:number/rating", s.portal(s.rate))
	t.add(tenantHosts, get, mePath, s.portal(s.mePage))
	t.add(tenantHosts, post, mePath, s.portal(s.changeMe))
	t.add(tenantHosts, get, "/auth/sessions", s.portal(s.signedInPage))
	t.add(tenantHosts, post, "/auth/sessions", s.portal(s.signOutThere))
	t.add(tenantHosts, get, wishesPath, s.portal(s.wishesPage))
	t.add(tenantHosts, post, wishesPath, s.portal(s.changeWishes))
	t.add(tenantHosts, get, "/auth/unsubscribe", s.open(s.unsubscribePage))
	t.add(tenantHosts, post, "/auth/unsubscribe", s.form(s.unsubscribe))
	t.add(tenantHosts, get, ratePath, s.open(s.ratePage))
	t.add(tenantHosts, post, ratePath, s.form(s.rateByLink))
	t.add(tenantHosts, get, "/auth/sign-in", s.open(s.signInPage))
	t.add(tenantHosts, get, "/auth/code", s.open(s.knockPage))
	t.add(tenantHosts, post, "/auth/code", s.form(s.enterByCode))
	t.add(tenantHosts, post, "/auth/code/send", s.form(s.knock))
	t.add(tenantHosts, post, "/auth/sign-out", s.form(s.signOut))
}

func (s *Server) consoleRoutes(t *table) {
	t.add(tenantHosts, get, "/agent", s.console(s.agentList))
	t.add(tenantHosts, post, "/agent/tickets", s.console(s.agentOpen))
	t.add(tenantHosts, get, "/agent/tickets/:number", s.console(s.agentTicket))
	t.add(tenantHosts, post, "/agent/tickets/:number", s.console(s.agentAnswer))
	t.add(tenantHosts, post, "/agent/tickets/:number/draft", s.console(s.agentDraft))
	t.add(tenantHosts, post, "/agent/tickets/:number/undo", s.console(s.agentUndo))
	t.add(tenantHosts, post, "/agent/tickets/:number/properties", s.console(s.agentProperties))
	t.add(tenantHosts, post, "/agent/tickets/:number/title", s.console(s.agentTitle))
	t.add(tenantHosts, post, "/agent/tickets/:number/state", s.console(s.agentState))
	t.add(tenantHosts, get, "/agent/tickets/:number/split", s.console(s.splitPage))
	t.add(tenantHosts, post, "/agent/tickets/:number/split", s.console(s.agentSplit))
	t.add(tenantHosts, get, "/agent/bulk", s.console(s.bulkPage))
	t.add(tenantHosts, post, "/agent/bulk", s.console(s.agentBulk))
	t.add(tenantHosts, get, "/agent/people", s.console(s.findPeople))
	t.add(tenantHosts, get, "/agent/find", s.console(s.findTickets))
	t.add(tenantHosts, get, "/agent/merge", s.console(s.mergePage))
	t.add(tenantHosts, post, "/agent/merge", s.console(s.agentMerge))
	t.add(tenantHosts, post, "/agent/views", s.console(s.saveView))
	t.add(tenantHosts, post, "/agent/views/:id", s.console(s.dropView))
	t.add(tenantHosts, get, "/agent/live", s.console(s.agentLive))
	t.add(tenantHosts, get, reportsPath, s.console(s.reportsPage))
	t.add(tenantHosts, get, reportsPath+"/:file", s.adminView(s.reportFile))
	t.add(tenantHosts, get, "/agent/login", s.open(s.agentLoginPage))
	t.add(tenantHosts, post, "/agent/login", s.form(s.agentLogin))
	t.add(tenantHosts, post, "/agent/sign-out", s.form(s.agentSignOut))
	t.add(tenantHosts, get, "/agent/step-up", s.console(s.stepUpPage))
	t.add(tenantHosts, post, "/agent/step-up", s.console(s.stepUp))
	t.add(tenantHosts, post, passkeyAgainPath, s.console(s.passkeyAskAgain))
	t.add(tenantHosts, post, passkeyProvePath, s.console(s.passkeyProve))
	t.add(tenantHosts, post, passkeyAskPath, s.form(s.passkeyAsk))
	t.add(tenantHosts, post, passkeySignInPath, s.form(s.passkeySignIn))
	t.add(tenantHosts, post, oidcStartPath, s.form(s.oidcStart))
	t.add(tenantHosts, get, oidcCallbackPath, s.open(s.oidcReturn))
	t.add(tenantHosts, get, secondFactorPath, s.open(s.secondFactorPage))
	t.add(tenantHosts, post, secondFactorPath, s.form(s.secondFactor))
	t.add(tenantHosts, get, setUpPath, s.open(s.setUpPage))
	t.add(tenantHosts, post, setUpPath, s.form(s.setUp))
	t.add(tenantHosts, get, forgotPath, s.open(s.forgotPage))
	t.add(tenantHosts, post, forgotPath, s.form(s.forgot))
	t.add(tenantHosts, get, resetPath, s.open(s.newPasswordPage))
	t.add(tenantHosts, post, resetPath, s.form(s.newPassword))
	t.add(tenantHosts, get, invitePath, s.open(s.invitePage))
	t.add(tenantHosts, post, invitePath, s.form(s.acceptInvite))
}

// settingsRoutes are those of the console's settings. Each is guarded as settingsPages says.
func (s *Server) settingsRoutes() {
	s.ownSettings()
	s.settingsRoute(get, repliesPath, s.repliesPage)
	s.settingsRoute(get, repliesPath+"/:id", s.replyPage)
	s.settingsRoute(post, repliesPath+"/:id", s.saveReply)
	s.settingsRoute(post, repliesPath+"/:id/remove", s.removeReply)
	s.deskSettingsRoutes()
	s.teamSettingsRoutes()
}

// teamSettingsRoutes are those about the team, and about who and what comes in.
func (s *Server) teamSettingsRoutes() {
	s.settingsRoute(get, teamPath, s.teamPage)
	s.settingsRoute(post, teamPath, s.invite)
	s.settingsRoute(get, teamPath+"/:id", s.memberPage)
	s.settingsRoute(post, teamPath+"/:id/role", s.changeRole)
	s.settingsRoute(post, teamPath+"/:id/end", s.endMemberSession)
	s.settingsRoute(post, teamPath+"/:id/end-all", s.endMemberSessions)
	s.settingsRoute(post, teamPath+"/:id/reset", s.makeResetLink)
	s.settingsRoute(post, teamPath+"/:id/codes-off", s.dropMemberTOTP)
	s.settingsRoute(post, teamPath+"/:id/remove", s.removeMember)
	s.settingsRoute(get, signInPath, s.signInSettingsPage)
	s.settingsRoute(post, signInPath, s.changeSignInSettings)
	s.settingsRoute(get, providerPath, s.providerPage)
	s.settingsRoute(get, auditPath, s.auditPage)
	s.settingsRoute(post, providerPath, s.changeProvider)
	s.webhookSettings()
	s.transferSettings()
	s.settingsRoute(get, validatorPath, s.validatorPage)
	s.settingsRoute(post, validatorPath, s.validate)
}

// ownSettings are what everybody on the staff settles for themselves.
func (s *Server) ownSettings() {
	s.settingsRoute(get, accountPath, s.accountPage)
	s.settingsRoute(post, accountPath, s.changeAccount)
	s.settingsRoute(post, accountPath+"/console", s.changeHabits)
	s.settingsRoute(get, securityPath, s.securityPage)
	s.settingsRoute(post, securityPath+"/password", s.changePassword)
	s.settingsRoute(get, authenticatorPath, s.authenticatorPage)
	s.settingsRoute(post, authenticatorPath, s.confirmAuthenticator)
	s.settingsRoute(post, authenticatorPath+"/new", s.beginAuthenticator)
	s.settingsRoute(post, authenticatorPath+"/off", s.dropAuthenticator)
	s.settingsRoute(post, securityPath+"/recovery", s.newRecovery)
	s.settingsRoute(get, passkeysPath, s.passkeysPage)
	s.settingsRoute(post, passkeysPath+"/challenge", s.preparePasskey)
	s.settingsRoute(post, passkeysPath+"/add", s.addPasskey)
	s.settingsRoute(post, passkeysPath+"/rename", s.renamePasskey)
	s.settingsRoute(post, passkeysPath+"/remove", s.removePasskey)
	s.settingsRoute(post, passkeysPath+"/unlink", s.unlinkAccount)
	s.settingsRoute(get, sessionsPath, s.sessionsPage)
	s.settingsRoute(post, sessionsPath+"/end", s.endSession)
	s.settingsRoute(post, sessionsPath+"/end-others", s.endOtherSessions)
	s.settingsRoute(get, notificationsPath, s.notificationsPage)
	s.settingsRoute(post, notificationsPath, s.changeNotifications)
	s.settingsRoute(get, mailPath, s.mailPage)
	s.settingsRoute(post, mailPath, s.changeMail)
	s.settingsRoute(post, mailPath+"/resume", s.resumeMail)
}

// apiWord adds a route of the API that ends with a word where others have a parameter, under both of its names.
func (s *Server) apiWord(method, address string, rights auth.Scopes, h handler) {
	s.demand(method, address, rights)
	for _, root := range []string{"/api", "/api/v1"} {
		s.table.word(anyHost, method, root+address, s.api(rights, s.repeatable(method, address, h)))
	}
}

func (s *Server) transferSettings() {
	s.settingsRoute(get, transferPath, s.transferPage)
	s.settingsRoute(post, transferPath, s.beginTransfer)
	s.settingsRoute(get, transferPath+"/:id", s.importPage)
	s.settingsRoute(post, transferPath+"/:id", s.startImport)
	s.settingsRoute(get, transferPath+"/:id/report", s.importReport)
}

// apiRoute adds a route of the API under both of its names.
func (s *Server) apiRoute(method, pattern string, rights auth.Scopes, h handler) {
	s.demand(method, pattern, rights)
	for _, root := range []string{"/api", "/api/v1"} {
		s.table.add(anyHost, method, root+pattern, s.api(rights, s.repeatable(method, pattern, h)))
	}
}

// demand notes the rights that a route of the API takes, by the path that openapi.yaml has for it.
func (s *Server) demand(method, pattern string, rights auth.Scopes) {
	parts := strings.Split("/api"+pattern, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	s.rights[Route{Method: method, Pattern: strings.Join(parts, "/")}] = rights
}

// webhookSettings are the pages of webhooks.
func (s *Server) webhookSettings() {
	s.settingsRoute(get, webhooksPath, s.webhooksPage)
	s.settingsRoute(post, webhooksPath, s.makeWebhook)
	s.settingsRoute(get, webhooksPath+"/:id", s.webhookPage)
	s.settingsRoute(post, webhooksPath+"/:id", s.saveWebhook)
	s.settingsRoute(post, webhooksPath+"/:id/test", s.tryWebhook)
	s.settingsRoute(post, webhooksPath+"/:id/switch", s.switchWebhook)
	s.settingsRoute(post, webhooksPath+"/:id/rotate", s.renewSecret)
	s.settingsRoute(post, webhooksPath+"/:id/remove", s.removeWebhook)
	s.settingsRoute(post, webhooksPath+"/:id/again", s.sendAgain)
}

// deskSettingsRoutes are those of the settings about the tenant itself.
func (s *Server) deskSettingsRoutes() {
	s.settingsRoute(get, startPath, s.startPage)
	s.settingsRoute(get, generalPath, s.generalPage)
	s.settingsRoute(post, generalPath, s.changeGeneral)
	s.settingsRoute(get, domainsPath, s.domainsPage)
	s.settingsRoute(post, domainsPath, s.addDomainPage)
	s.settingsRoute(get, domainsPath+"/:host", s.domainPage)
	s.settingsRoute(post, domainsPath+"/:host", s.changeDomainTickets) // at the word "tickets", which is no host
	s.settingsRoute(post, domainsPath+"/:host/verify", s.verifyDomainPage)
	s.settingsRoute(post, domainsPath+"/:host/primary", s.primaryDomain)
	s.settingsRoute(post, domainsPath+"/:host/remove", s.removeDomainPage)
	s.settingsRoute(post, domainsPath+"/:host/certificate", s.bringCertificatePage)
	s.settingsRoute(post, domainsPath+"/:host/certificate/remove", s.takeCertificateBackPage)
	s.settingsRoute(get, keysPath, s.keysPage)
	s.settingsRoute(post, keysPath+"/:kind/reveal", s.revealKey)
	s.settingsRoute(post, keysPath+"/:kind/rotate", s.rotateKey)
	s.settingsRoute(get, tokensPath, s.tokensPage)
	s.settingsRoute(post, tokensPath, s.makeToken)
	s.settingsRoute(post, tokensPath+"/:id/revoke", s.endToken)
	s.settingsRoute(get, categoriesPath, s.categoriesPage)
	s.settingsRoute(post, categoriesPath, s.addCategoryPage)
	s.settingsRoute(post, categoriesPath+"/:id", s.editCategory)
	s.settingsRoute(get, limitsPath, s.limitsPage)
}
