import { Icon } from '../components/icon.tsx';
import { t } from '../i18n.ts';

/** The areas of the workbench. An area is listed once it exists. */
export function Rail() {
  return (
    <nav class="rail" aria-label={t().shell.areas}>
      <a href="./" aria-current="page">
        <Icon name="microscope" />
        <span>{t().terms.microscope}</span>
      </a>
    </nav>
  );
}
