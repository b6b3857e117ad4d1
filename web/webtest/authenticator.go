package webtest

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Authenticator is a virtual one in a browser's tab: it keeps passkeys, and says that its owner is there whenever it is
// asked.
type Authenticator struct {
	browser *Browser
	id      webauthn.AuthenticatorID
}

// Authenticator plugs a virtual authenticator in.
func (b *Browser) Authenticator() *Authenticator {
	b.tb.Helper()
	a := &Authenticator{browser: b}
	command(b, webauthn.Enable, webauthn.EnableParams{})
	added := command(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	a.id = added.AuthenticatorID
	return a
}

// Verify sets whether the authenticator recognises its owner.
func (a *Authenticator) Verify(recognised bool) {
	a.browser.tb.Helper()
	command(a.browser, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: recognised})
}

// Present sets whether somebody touches the authenticator when it is asked.
func (a *Authenticator) Present(there bool) {
	a.browser.tb.Helper()
	command(a.browser, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: there})
}

// Passkeys are the passkeys that it keeps.
func (a *Authenticator) Passkeys() []*webauthn.Credential {
	a.browser.tb.Helper()
	return command(a.browser, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// Keep puts a passkey in.
func (a *Authenticator) Keep(passkey *webauthn.Credential) {
	a.browser.tb.Helper()
	// The package's own type says things that this authenticator does not want to hear.
	command(a.browser, cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential}, map[string]any{
		"authenticatorId": a.id, "credential": map[string]any{
			"credentialId": passkey.CredentialID, "isResidentCredential": true, "rpId": passkey.RpID, "privateKey": passkey.PrivateKey,
			"userHandle": passkey.UserHandle, "signCount": passkey.SignCount, "userName": passkey.UserName,
		},
	})
}

// Empty forgets all passkeys.
func (a *Authenticator) Empty() {
	a.browser.tb.Helper()
	command(a.browser, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: a.id})
}

// command has the tab do something that chromedp has no word for.
func command[P, R any](b *Browser, c cdp.Command[P, R], params P) R {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) })
	if err != nil {
		b.tb.Fatalf("%s at %s: %v", c.Method, b.URL(), err)
	}
	return result
}
