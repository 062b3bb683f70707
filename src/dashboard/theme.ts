/** Before anything is drawn: the colours that were chosen last. A classic script, so that no frame is of the wrong ones. */
{
  const chosen = localStorage.getItem('zeef-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
