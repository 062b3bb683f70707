/**
 * Variables that an orchestrator sets for its own services, not to configure Zeef. For a Service named `zeef`, Kubernetes sets
 * `ZEEF_PORT=tcp://10.0.0.7:8080`, `ZEEF_SERVICE_HOST`, `ZEEF_SERVICE_PORT` and `ZEEF_PORT_8080_TCP*` in every container of
 * the namespace; for one named `zeef-api`, the same with `ZEEF_API_`. They are neither knobs nor typos.
 *
 * Source  Kubernetes, "Accessing the Service: environment variables"; Docker, "Legacy container links".
 */

const ADDRESS = /^(tcp|udp|sctp):\/\/\S+:\d{1,5}$/;
const HOST_OR_PORT = /^ZEEF(_[A-Z0-9]+)*_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/;
const PORT_PART = /^ZEEF(_[A-Z0-9]+)*_PORT_\d{1,5}_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const PORT = /^ZEEF(_[A-Z0-9]+)*_PORT$/;
/** A container link also sets its name (`/web/zeef`), and the variables of the linked container. */
const LINK_NAME = /^ZEEF(_[A-Z0-9]+)*_NAME$/;
const LINKED = /^ZEEF(_[A-Z0-9]+)*_ENV_\w+$/;

/** Return whether `name` (and `value`, if a knob could have that name) has the form of such a variable. */
export function isServiceLink(name: string, value: string | undefined): boolean {
  if (HOST_OR_PORT.test(name) || PORT_PART.test(name) || LINKED.test(name)) return true;
  return (PORT.test(name) && ADDRESS.test(value ?? '')) || (LINK_NAME.test(name) && /^\/\S+\/\S+$/.test(value ?? ''));
}
