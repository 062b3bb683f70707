/** `/c/banks` and `/c/bank/{name}`: a bank is a list of its tenant, by the name that clients give it. */
import type { FastifyInstance } from 'fastify';
import { isBankName } from '../../core/bank-name.js';
import { type Bank, makeBank } from '../../lists/banks.js';
import { bankSeen, banksSeen, type Door, listsOf, ownBank, tenantOf } from './door.js';
import { HmaRefusal } from './faults.js';
import { fieldsOf, orRefuse, ratioOf, textOf, truthOf } from './forms.js';

export interface BankParams {
  readonly bank: string;
}

/** A bank as its clients read it. One whose list is disabled does not match. */
export const bankShown = ({ name, list }: Bank) => ({
  matching_enabled_ratio: list.enabled ? list.sampleRatio : 0,
  name,
});

/** Errors HmaRefusal 400. */
export function requireBankName(name: string | undefined): string {
  if (name !== undefined && isBankName(name)) return name;
  throw new HmaRefusal(400, 'Bank names must be in CAPITALS_WITH_UNDERSCORES, of at most 255 characters');
}

export function bankRoutes(app: FastifyInstance, { service, as, send }: Door): void {
  app.get('/c/banks', as.match, async (request, reply) =>
    send(reply, [...(await banksSeen(service, request)).values()].map(bankShown)),
  );
  app.post('/c/banks', as.curate, async (request, reply) => {
    const fields = fieldsOf(request.body);
    const name = requireBankName(textOf('name', fields.name));
    // `enabled` is read by HMA too, and has no effect there beside the ratio's default.
    truthOf('enabled', fields.enabled);
    const { radiusBits, detail } = service.config;
    const settings = { radiusBits, detail, tenant: tenantOf(request), sampleRatio: ratioOf(fields.enabled_ratio) ?? 1 };
    const made = await orRefuse(makeBank(listsOf(service, request), name, settings), {
      BANK_EXISTS: new HmaRefusal(403, 'Bank already exists'),
    });
    await service.reload();
    return send(reply.code(201), bankShown(made));
  });
  app.get<{ Params: BankParams }>('/c/bank/:bank', as.match, async (request, reply) =>
    send(reply, bankShown(await bankSeen(service, request, request.params.bank))),
  );
  app.put<{ Params: BankParams }>('/c/bank/:bank', as.curate, async (request, reply) => {
    const { list } = await ownBank(service, request, request.params.bank);
    const fields = fieldsOf(request.body);
    const name = textOf('name', fields.name);
    const isEnabled = truthOf('enabled', fields.enabled);
    const ratio = ratioOf(fields.enabled_ratio) ?? (isEnabled === undefined ? undefined : Number(isEnabled));
    const change = {
      ...(name === undefined ? {} : { bank: requireBankName(name) }),
      ...(ratio === undefined ? {} : { sampleRatio: ratio }),
    };
    const changed = await orRefuse(listsOf(service, request).updateList(list.list, change), {
      BANK_EXISTS: new HmaRefusal(403, 'Bank name already exists'),
    });
    await service.reload();
    return send(reply, bankShown({ name: changed.bank!, list: changed }));
  });
  app.delete<{ Params: BankParams }>('/c/bank/:bank', as.curate, async (request, reply) => {
    const { bank } = request.params;
    // One that is not there is as good as removed.
    if ((await banksSeen(service, request)).has(bank)) {
      const { list } = await ownBank(service, request, bank);
      await listsOf(service, request).removeList(list.list);
      await service.reload();
    }
    return send(reply, { message: 'Done' });
  });
}
