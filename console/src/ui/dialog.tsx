// Dialogs: the browser's own, which keeps the focus inside, closes on Escape and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { announce } from './announce';
import { ApiError } from '../api';
import { Refused } from './load';

export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    // The element goes away with the dialog open; the browser would leave the focus nowhere.
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </div>
      {children}
    </dialog>
  );
}

/** A button that opens a dialog. */
export function Opener({
  label,
  tone,
  disabled,
  children,
}: {
  label: string;
  tone?: 'primary' | 'danger';
  disabled?: boolean;
  children: (close: () => void) => ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class={tone ?? ''} disabled={disabled ?? false} onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && children(() => setOpen(false))}
    </>
  );
}

/** Something that is done once it was confirmed, perhaps with a note for those who come later. */
export function Confirm({
  label,
  title,
  text,
  tone,
  note,
  disabled,
  act,
}: {
  label: string;
  title: string;
  text: ComponentChildren;
  tone?: 'primary' | 'danger';
  /** The label of a field for a note; absent: no field. */
  note?: string;
  disabled?: boolean;
  /** Does it and says what was done. */
  act: (note: string) => Promise<string>;
}) {
  return (
    <Opener label={label} {...(tone && { tone })} {...(disabled !== undefined && { disabled })}>
      {(close) => <ConfirmDialog {...{ label, title, text, note, tone, act, close }} />}
    </Opener>
  );
}

function ConfirmDialog({
  label,
  title,
  text,
  note,
  tone,
  act,
  close,
}: {
  label: string;
  title: string;
  text: ComponentChildren;
  note: string | undefined;
  tone: 'primary' | 'danger' | undefined;
  act: (note: string) => Promise<string>;
  close: () => void;
}) {
  const [words, setWords] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const said = await act(words.trim());
      close();
      announce(said);
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <p>{text}</p>
        {note && (
          <label class="field wide">
            <span>{note}</span>
            <input value={words} maxLength={200} onInput={(event) => setWords(event.currentTarget.value)} />
          </label>
        )}
        {error && <Refused error={error} />}
        <div class="dialog-foot">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class={tone ?? 'primary'} disabled={isBusy}>
            {label}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
