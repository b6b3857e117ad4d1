// Package domain keeps the proof that a custom domain is a tenant's, and the state of its certificate.
//
// A hostname goes pending → verified → active → drifted → suspended → removed; its certificate goes none → queued → issuing
// → active → renewing → failing → expired. Both carry the reason of their state and a bounded history. The proof is looked
// for in DNS, now and again in the background; that the DNS could not be asked is never taken for a no.
//
// The package does not obtain certificates: proxy asks DueCertificates what to do and tells by ReportCertificate how it went.
package domain
