package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	attachment "github.com/deskgate/deskgate/tickets/file"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// Codes of the error documents that the commands print. Those that the API knows too mean the same there.
const (
	codeBadRequest     = "BAD_REQUEST"
	codeUsage          = "WRONG_USAGE"
	codeBadSetting     = "BAD_SETTING"
	codeTenantNotFound = "TENANT_NOT_FOUND"
	codeNotFound       = "NOT_FOUND"
	codeForbidden      = "FORBIDDEN"
	codeExists         = "ALREADY_EXISTS"
	codeInvalid        = "VALIDATION_FAILED"
	codeReadOnly       = "READ_ONLY"
	codeDamaged        = "DATA_DAMAGED"
	codeLocked         = "DATA_LOCKED"
	codeCancelled      = "CANCELLED"
	codeFindings       = "FINDINGS"
	codeInternal       = "FAILED"
)

// describe is the only place where an error becomes an error document.
func describe(err error) *failure {
	var f *failure
	var fields tenant.FieldErrors
	var usage *usageError
	var bad *settingError
	var conflict *domain.ConflictError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &usage):
		return &failure{Code: codeUsage, Message: "Wrong usage.", Details: err.Error()}
	case errors.As(err, &bad):
		return &failure{Code: codeBadSetting, Message: "A setting can't be used.", Details: err.Error()}
	case errors.As(err, &fields):
		return &failure{Code: codeInvalid, Message: "The given data was invalid.", Details: fields.Error(), Errors: fields}
	case errors.As(err, &conflict):
		return &failure{Code: codeExists, Message: "The domain is taken.", Details: conflict.Error()}
	case errors.Is(err, storage.ErrReadOnly):
		return &failure{Code: codeReadOnly, Message: "The node takes no changes at the moment.", Details: err.Error()}
	case errors.Is(err, storage.ErrCorrupt):
		return &failure{
			Code: codeDamaged, Message: "Stored data is damaged.",
			Details: err.Error() + ": restore a backup from before the damage (deskgate restore --help)",
		}
	case errors.Is(err, storage.ErrInUse):
		return &failure{Code: codeLocked, Message: "The data folder is in use.", Details: err.Error()}
	case errors.Is(err, context.Canceled):
		return &failure{Code: codeCancelled, Message: "Stopped before it was done."}
	case errors.Is(err, tenant.ErrBadHost):
		return &failure{Code: codeInvalid, Message: "The given data was invalid.", Details: err.Error(), Errors: map[string][]string{"host": {err.Error()}}}
	case errors.Is(err, attachment.ErrEmpty), errors.Is(err, transfer.ErrTooMany):
		return &failure{Code: codeInvalid, Message: "The file can't be imported.", Details: err.Error()}
	case errors.Is(err, tenant.ErrNotFound), errors.Is(err, auth.ErrNotFound), errors.Is(err, transfer.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &failure{Code: codeNotFound, Message: "Not found.", Details: err.Error()}
	default:
		return &failure{Code: codeInternal, Message: "That did not work.", Details: err.Error()}
	}
}

// find returns a tenant; one that is not there is a failure that names those that are.
func (o *operator) find(ctx context.Context, slug string) (*tenant.Tenant, error) {
	t, err := o.tenants.Find(ctx, slug)
	if err != nil {
		return nil, o.about(ctx, slug, err)
	}
	return t, nil
}

// namedAtMost is how many tenants a failure lists.
const namedAtMost = 8

// about puts an error about a tenant in words.
func (o *operator) about(ctx context.Context, slug string, err error) error {
	switch {
	case errors.Is(err, tenant.ErrExists):
		return &failure{
			Code: codeExists, Message: "The slug is taken.", Details: fmt.Sprintf("there is a tenant %q already", slug),
			Errors: map[string][]string{"slug": {"is taken"}},
		}
	case errors.Is(err, tenant.ErrNotFound):
		f := &failure{
			Code: codeTenantNotFound, Message: "Tenant not found.", Reason: "The specified tenant does not exist.",
			Details: fmt.Sprintf("there is no tenant %q", slug),
		}
		list, err := o.tenants.List(ctx)
		if err != nil {
			return errors.Join(f, err)
		}
		var slugs []string
		for t := range slices.Values(list[:min(len(list), namedAtMost)]) {
			slugs = append(slugs, t.Slug)
		}
		if len(slugs) > 0 {
			f.Details += "; there is " + strings.Join(slugs, ", ")
		}
		if len(list) > namedAtMost {
			f.Details += " and others (deskgate tenant list)"
		}
		return f
	default:
		return err
	}
}

// aboutHost puts an error about a host in words. Nil stays nil.
func (o *operator) aboutHost(host string, err error) error {
	h, _ := tenant.ParseHost(host) // one that is none is nobody's
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tenant.ErrNotFound) && o.names.Owns(h):
		return &failure{
			Code: codeNotFound, Message: "Domain not found.",
			Details: fmt.Sprintf("%s belongs to the node itself, and is no domain of a tenant's; what is wrong with its certificate, deskgate doctor says", h),
		}
	case errors.Is(err, tenant.ErrNotFound):
		return &failure{
			Code: codeNotFound, Message: "Domain not found.", Details: fmt.Sprintf("nobody registered the host %q (deskgate domain add SLUG HOST)", host),
		}
	default:
		return err
	}
}
