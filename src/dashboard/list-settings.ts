/** Form of a list's settings: its name, its bank for clients of HMA's interface, and the share of the checks in which it counts. */
import { change } from './api.js';
import { make, say } from './dom.js';
import { type Action, pathOf } from './list-actions.js';
import type { ListFacts } from './list-types.js';
import { percentOf } from './list-words.js';

/** What a person changes of a list. */
interface ListSettings {
  readonly name?: string;
  readonly bank?: string | null;
  readonly sampleRatio?: number;
}

export interface SettingsForm {
  readonly element: HTMLElement;
  /** Show the settings as they are now, unless they are being changed. Null: there is no such list. */
  follow(list: ListFacts | null): void;
}

const field = (label: string, control: HTMLElement) => make('label', {}, `${label} `, control);

const NEW_NAME = 'Imports and requests must name it by the new name; what it has is kept.';

/** Return the change of a list, as a person confirms it. */
function settingsAction({ list }: ListFacts, settings: ListSettings): Action {
  const { name, bank, sampleRatio } = settings;
  const says = [
    ...(name === undefined ? [] : [`It is called ${name}. ${NEW_NAME}`]),
    ...(bank === undefined ? [] : [bank === null ? 'It is no bank of HMA.' : `Clients of HMA find it as ${bank}.`]),
    ...(sampleRatio === undefined
      ? []
      : [`Its matches count in ${percentOf(sampleRatio)} % of the checks, and are suppressed in the others.`]),
  ];
  return {
    title: `Change ${list}?`,
    says,
    verb: 'Change',
    done: `${name ?? list} is changed.`,
    run: () => change('PATCH', pathOf(list), settings),
  };
}

/** `act`: asks for a confirmation, and says whether the change was made. `renamed`: the list has another name now. */
export function settingsForm(act: (action: Action) => Promise<boolean>, renamed: (name: string) => void): SettingsForm {
  let list: ListFacts | null = null;
  const typed = { autocomplete: 'off', spellcheck: 'false' };
  const name = make('input', { name: 'name', required: '', ...typed });
  const bank = make('input', { name: 'bank', placeholder: 'none', ...typed });
  const sample = make('input', { name: 'sample', type: 'number', min: '0', max: '100', step: 'any', required: '' });
  const bankField = field('Bank of HMA', bank);
  const sampleField = field('Counts in % of the checks', sample);
  const problem = make('p', { class: 'problem', role: 'alert' });
  const form = make(
    'form',
    { 'aria-label': 'Settings of the list' },
    make('div', { class: 'filters' }, field('Name', name), bankField, sampleField),
    problem,
    make('p', { class: 'buttons left' }, make('button', { type: 'submit' }, 'Save')),
  );
  const fill = (from: ListFacts) => {
    name.value = from.list;
    bank.value = from.bank ?? '';
    sample.value = percentOf(from.sampleRatio);
  };
  const changes = (from: ListFacts): ListSettings => ({
    ...(name.value.trim() === from.list ? {} : { name: name.value.trim() }),
    ...(bank.value.trim() === (from.bank ?? '') ? {} : { bank: bank.value.trim() || null }),
    ...(sample.value === percentOf(from.sampleRatio) ? {} : { sampleRatio: sample.valueAsNumber / 100 }),
  });
  const isChanged = (from: ListFacts) => Object.keys(changes(from)).length > 0;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (list === null) return;
    const settings = changes(list);
    say(problem, isChanged(list) ? '' : 'Nothing is changed.');
    if (!isChanged(list) || !(await act(settingsAction(list, settings)))) return;
    if (settings.name === undefined) fill(list);
    else renamed(settings.name);
  });
  const element = make('details', { class: 'import', hidden: '' }, make('summary', {}, 'Name, bank and sample'), form);
  return {
    element,
    follow(now) {
      const isIdle = list === null || !isChanged(list);
      list = now;
      element.hidden = now === null;
      // A suppression list has neither.
      bankField.hidden = sampleField.hidden = now?.kind === 'suppression';
      if (now !== null && isIdle) fill(now);
    },
  };
}
