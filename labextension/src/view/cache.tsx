/** The answers to image questions, as cards: picture, question, answer, where it came from, what it cost. */

import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { caretDownIcon, caretRightIcon, downloadIcon, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { pictureUrl } from '../api/request';
import type { ICard, ICardDetail, Source } from '../api/types';
import { pinIcon } from '../icons';
import { money, percent, seconds } from '../logic/format';
import type { PanelModel } from '../model/panel';
import { Button, SearchInput, Time, useLoaded, usePanel, useTrans, Waiting } from './common';

export function Cache(): JSX.Element {
  const panel = usePanel();
  const { trans, cache } = panel;
  if (cache.trouble) {
    return (
      <div className="perdure-Empty">
        <p>{cache.none ? trans.__('No image question has been asked here yet.') : cache.trouble}</p>
        {cache.none ? (
          <p className="perdure-Faint">
            {trans.__('In a notebook:')} <code>%cot ask -i photo.png What is on the table?</code>
          </p>
        ) : null}
        <Button icon={refreshIcon} label={trans.__('Look again')} onClick={() => void cache.load()} />
      </div>
    );
  }
  return (
    <div className="perdure-Scroll" tabIndex={0}>
      <Stats />
      <Filters />
      {cache.cards.length ? null : (
        <p className="perdure-Faint perdure-Count" role="status">
          {cache.loading
            ? trans.__('Loading…')
            : cache.filtered
              ? trans.__('No answer fits. Widen the search.')
              : trans.__('No answer is kept.')}
        </p>
      )}
      <ul className="perdure-Cards" aria-label={trans.__('Kept answers, newest first')}>
        {cache.cards.map(card => (
          <Card key={card.id} of={card} />
        ))}
      </ul>
      {cache.cards.length < cache.total ? (
        <p className="perdure-Count">
          <Button
            label={trans.__('Show more (%1 of %2)', cache.cards.length, cache.total)}
            onClick={() => void cache.more()}
          />
        </p>
      ) : null}
    </div>
  );
}

function Stats(): JSX.Element | null {
  const panel = usePanel();
  const { trans, cache } = panel;
  const { stats } = cache;
  if (!stats) {
    return null;
  }
  const facts: [string, string, string?][] = [
    [trans.__('calls saved'), stats.calls_saved.toLocaleString()],
    [trans.__('money saved'), money(stats.money_saved), trans.__('%1 was spent', money(stats.spent))],
    [trans.__('hit rate'), percent(stats.hit_rate), trans.__('of %1 questions', stats.asked)],
    [
      trans.__('error bound'),
      stats.error_bound === null ? '–' : `≤ ${percent(stats.error_bound)}`,
      stats.error_bound === null
        ? trans.__('Not measured yet: near matches are checked as they come')
        : trans.__('measured for near matches; you allow %1', percent(stats.delta))
    ]
  ];
  return (
    <dl className="perdure-Stats">
      {facts.map(([name, value, more]) => (
        <div key={name} title={more}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Filters(): JSX.Element {
  const panel = usePanel();
  const { trans, cache } = panel;
  const { filter } = cache;
  const words = useSourceWords();
  return (
    <>
      <div className="perdure-Search perdure-mod-wrap" role="search">
        <SearchInput
          placeholder={trans.__('Search questions and answers')}
          label={trans.__('Search questions and answers')}
          sought={() => cache.filter.q}
          delay={250}
          onSearch={q => cache.narrow({ q, like: null })}
        />
        <select
          className="perdure-Input"
          aria-label={trans.__('Who answered')}
          value={filter.source}
          onChange={event => cache.narrow({ source: event.target.value as '' | Source, like: null })}
        >
          <option value="">{trans.__('All sources')}</option>
          {(Object.keys(words) as Source[]).map(source => (
            <option key={source} value={source}>
              {words[source]}
            </option>
          ))}
        </select>
        <select
          className="perdure-Input"
          aria-label={trans.__('Model')}
          value={filter.model}
          onChange={event => cache.narrow({ model: event.target.value, like: null })}
        >
          <option value="">{trans.__('All models')}</option>
          {cache.stats?.models.map(model => (
            <option key={model} value={model}>
              {model}
            </option>
          ))}
        </select>
        <label className="perdure-Check">
          <input
            type="checkbox"
            checked={filter.doubtful}
            onChange={event => cache.narrow({ doubtful: event.target.checked, like: null })}
          />{' '}
          {trans.__('Doubtful only')}
        </label>
        <span className="perdure-Spring" />
        <Button bare icon={refreshIcon} label={trans.__('Look again')} onClick={() => void cache.load()} />
        <Button
          bare
          icon={downloadIcon}
          label={trans.__('Export all answers…')}
          onClick={() => void exportAll(panel)}
        />
      </div>
      {filter.like ? (
        <p className="perdure-Count">
          {trans.__('Most alike pictures')}{' '}
          <Button label={trans.__('Show all again')} onClick={() => cache.narrow({ like: null })} />
        </p>
      ) : null}
    </>
  );
}

function useSourceWords(): Record<Source, string> {
  const trans = useTrans();
  return {
    exact: trans.__('exact hit'),
    near: trans.__('near match'),
    apprentice: trans.__('apprentice'),
    master: trans.__('master')
  };
}

/** Who answered: in words, with what it rests on. */
function SourceBadge(props: { of: ICard }): JSX.Element {
  const trans = useTrans();
  const words = useSourceWords();
  const { source, near, examples } = props.of;
  let more = '';
  if (source === 'near' && near) {
    more = ` ${percent(near.similarity)}`;
  } else if (source === 'apprentice' && examples.length) {
    more = `, ${trans._n('%1 example', '%1 examples', examples.length)}`;
  }
  return (
    <span className="perdure-Source" data-source={source}>
      {words[source]}
      {more}
    </span>
  );
}

function Picture(props: { answer: string; number: number; question: string; small?: boolean }): JSX.Element | null {
  const panel = usePanel();
  const { trans } = panel;
  const [gone, setGone] = React.useState(false);
  if (gone) {
    return <span className="perdure-Picture perdure-mod-gone perdure-Faint">{trans.__('not kept')}</span>;
  }
  return (
    <img
      className={`perdure-Picture${props.small ? ' perdure-mod-small' : ''}`}
      src={pictureUrl(panel.server, props.answer, props.number)}
      alt={trans.__('Picture asked about: %1', props.question)}
      loading="lazy"
      onError={() => setGone(true)}
    />
  );
}

function Card(props: { of: ICard }): JSX.Element {
  const panel = usePanel();
  const { trans, cache } = panel;
  const { of } = props;
  const open = cache.open === of.id;
  return (
    <li className="perdure-Card" data-answer={of.id} data-wrong={of.wrong || undefined}>
      <div className="perdure-Card-main">
        {of.pictures > 0 ? <Picture answer={of.id} number={0} question={of.question} /> : null}
        <div className="perdure-Card-text">
          <div className="perdure-Card-question">{of.question}</div>
          <div className="perdure-Card-answer">{of.text || trans.__('(nothing)')}</div>
          <div className="perdure-Facts perdure-Faint">
            <SourceBadge of={of} />
            {of.wrong ? (
              <span className="perdure-Outcome" data-outcome="error">
                ✕ {trans.__('wrong')}
              </span>
            ) : null}
            {of.pinned ? (
              <span title={trans.__('It stays, whatever has to make room')}>📌 {trans.__('pinned')}</span>
            ) : null}
            {of.confidence !== null ? <span>{trans.__('%1 sure', percent(of.confidence))}</span> : null}
            <span>{money(of.cost)}</span>
            <span>{seconds(of.latency)}</span>
            <span className="perdure-Row-names" title={of.model}>
              {of.model}
            </span>
            {of.execution_count !== null ? <span>{`[${of.execution_count}]`}</span> : null}
            <Time at={of.time} />
          </div>
        </div>
      </div>
      <div className="perdure-Actions">
        <button
          type="button"
          className="perdure-Button"
          aria-expanded={open}
          onClick={() => cache.unfold(open ? null : of.id)}
        >
          {open ? (
            <caretDownIcon.react tag="span" className="perdure-Icon" />
          ) : (
            <caretRightIcon.react tag="span" className="perdure-Icon" />
          )}
          {trans.__('Why')}
        </button>
        {of.pictures > 0 ? (
          <Button
            label={trans.__('More like this')}
            title={trans.__('Answers about pictures like this one')}
            onClick={() => cache.narrow({ like: of.id })}
          />
        ) : null}
        <span className="perdure-Spring" />
        <Button
          bare
          icon={pinIcon}
          pressed={of.pinned}
          label={of.pinned ? trans.__('Let it go again') : trans.__('Pin: keep it whatever has to make room')}
          onClick={() => void panel.pin(of.id, !of.pinned)}
        />
      </div>
      {open ? <CardDetail of={of} /> : null}
    </li>
  );
}

function CardDetail(props: { of: ICard }): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const { of } = props;
  const loaded = useLoaded(`${of.id}/${of.pinned}/${of.wrong}`, () => panel.api.answer(of.id));
  return (
    <div className="perdure-Card-detail">
      <Waiting of={loaded}>
        {detail => (
          <>
            {detail.why ? <p>{detail.why}</p> : null}
            {detail.near ? (
              <figure className="perdure-Example">
                <Picture small answer={detail.near.id} number={0} question={of.question} />
                <figcaption>
                  {trans.__('the kept picture that it matched, %1 alike', percent(detail.near.similarity))}
                </figcaption>
              </figure>
            ) : null}
            {detail.pictures > 1 ? (
              <div className="perdure-Pictures">
                {Array.from({ length: detail.pictures }, (_, number) => (
                  <Picture key={number} small answer={of.id} number={number} question={of.question} />
                ))}
              </div>
            ) : null}
            {detail.reasoning ? (
              <details>
                <summary>{trans.__('Reasoning')}</summary>
                <pre className="perdure-Code">{detail.reasoning}</pre>
              </details>
            ) : null}
            <Examples of={detail} />
            <p className="perdure-Faint">
              {trans.__('%1 tokens in, %2 out; answer %3', detail.tokens.prompt, detail.tokens.completion, detail.id)}
            </p>
            <div className="perdure-Actions">
              <Button
                label={trans.__('Ask the master')}
                title={trans.__('Ask the master anyway')}
                disabled={panel.working}
                onClick={() => void panel.askMaster(of.id)}
              />
              {of.wrong ? null : (
                <Button label={trans.__('Wrong…')} disabled={panel.working} onClick={() => void markWrong(panel, of)} />
              )}
              <Button
                danger
                label={trans.__('Forget…')}
                disabled={panel.working}
                onClick={() => void forget(panel, detail)}
              />
              {of.commit && of.session === panel.follower.session?.id ? (
                <Button
                  label={trans.__('Show the cell')}
                  onClick={() => {
                    panel.select(of.commit ?? '');
                    panel.tab = 'versions';
                  }}
                />
              ) : null}
            </div>
          </>
        )}
      </Waiting>
    </div>
  );
}

function Examples(props: { of: ICardDetail }): JSX.Element | null {
  const { trans, cache } = usePanel();
  const { examples } = props.of;
  if (!examples.length) {
    return null;
  }
  return (
    <>
      <h4>{trans.__('The apprentice was shown')}</h4>
      <ul className="perdure-Examples">
        {examples.map(each => (
          <li key={each.id}>
            <figure className="perdure-Example">
              {each.pictures > 0 ? <Picture small answer={each.id} number={0} question={each.question} /> : null}
              <figcaption>
                <button type="button" className="perdure-Name" onClick={() => cache.unfold(each.id)}>
                  {each.question}
                </button>
                <strong>{each.text}</strong>
              </figcaption>
            </figure>
          </li>
        ))}
      </ul>
    </>
  );
}

async function markWrong(panel: PanelModel, card: ICard): Promise<void> {
  const { trans } = panel;
  const answer = await InputDialog.getText({
    title: trans.__('“%1” is wrong', card.text),
    label: trans.__('The right answer, if you know it; it is kept from now on'),
    okLabel: trans.__('Mark as wrong')
  });
  if (answer.button.accept) {
    await panel.wrong(card.id, answer.value?.trim() || undefined);
  }
}

async function forget(panel: PanelModel, card: ICardDetail): Promise<void> {
  const { trans } = panel;
  const derived = card.derived.length
    ? trans._n(
        'One answer that was derived from it goes too.',
        '%1 answers that were derived from it go too.',
        card.derived.length
      )
    : trans.__('No other answer was derived from it.');
  const answer = await showDialog({
    title: trans.__('Forget this answer?'),
    body: trans.__('%1: %2. %3 What it cost stays in the sums.', card.question, card.text, derived),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Forget') })]
  });
  if (answer.button.accept) {
    await panel.forget(card.id);
  }
}

export async function exportAll(panel: PanelModel): Promise<void> {
  const { trans } = panel;
  const { value } = await InputDialog.getText({
    title: trans.__('Export all answers, with their pictures'),
    label: trans.__('File, beside the notebook'),
    text: 'answers.cot',
    okLabel: trans.__('Export')
  });
  if (value) {
    await panel.exportAnswers(value);
  }
}
